//! What can go wrong outside of a running guest.

use theater_flow_kernel::limits;

/// The host itself failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HostError {
    /// wasmtime could not be set up on this machine.
    #[error("the WebAssembly engine cannot be set up: {0}")]
    Engine(String),
    /// An actor did not answer what every actor must be able to answer.
    #[error("the actor did not answer `{question}`: {why}")]
    NoAnswer {
        /// `about` or `ports`.
        question: &'static str,
        /// How the call ended.
        why: String,
    },
}

/// Why bytes are not an actor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoadError {
    /// Longer than [`limits::COMPONENT_BYTES`].
    #[error("the component has {0} bytes; the most is {max}", max = limits::COMPONENT_BYTES)]
    TooLarge(u64),
    /// Not WebAssembly at all.
    #[error("this is not a WebAssembly component: it does not begin with `\\0asm`")]
    NotAComponent,
    /// The file ends in the middle.
    #[error("the component is cut off: {0}")]
    Truncated(String),
    /// WebAssembly, but a module without the component around it, and without what one could be made of.
    #[error(
        "this is a core WebAssembly module that does not describe its world (it has no `component-type` \
         section); export an actor with the SDK (`theater-flow new --actor NAME` shows how), or make it \
         a component with `wasm-tools component new`"
    )]
    CoreModule,
    /// A module that describes a world, but its code is not of the one that actors are of.
    #[error("no actor of `theater:flow@0.1.0` can be made of this core WebAssembly module: {0}")]
    Unmade(String),
    /// The file is damaged, or uses what this engine does not allow.
    #[error("the component is not valid here: {0}")]
    Malformed(String),
    /// A component, but not an actor of this contract.
    #[error("the component is not an actor of `theater:flow@0.1.0`: {0}")]
    WrongWorld(String),
}
