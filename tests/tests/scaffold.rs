//! `theater-flow new`: what it makes can be run, built and tested as it says.
#![expect(clippy::print_stdout, reason = "what was counted or skipped is to be seen")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use theater_flow::compile::{Fetcher, Pipeline};
use theater_flow::replay::NoWorld;
use theater_flow_dsl::Mode;
use theater_flow_host::{Host, HostConfig, component_of};
use theater_flow_kernel::gate::Gate;
use theater_flow_kernel::perform;
use theater_flow_kernel::work::Sinks;
use theater_flow_tests::{LIMIT, Ran, Scene, finish, root};

const TARGET: &str = "wasm32-unknown-unknown";

/// Runs the program in a folder of the scene.
fn inside(scene: &Scene, folder: &str, line: &str) -> Ran {
    let mut command = scene.command(line.split_whitespace());
    finish(command.current_dir(scene.path().join(folder)), LIMIT)
}

#[test]
fn a_new_pipeline_runs_as_it_is() {
    let scene = Scene::new();
    scene.say("new my-flow").ends(0).tells(["cd my-flow", "theater-flow run pipeline.toml"]);
    inside(&scene, "my-flow", "check pipeline.toml --deny-warnings").ends(0);
    inside(&scene, "my-flow", "test pipeline.toml").ends(0);
    for _ in 0..2 {
        let ran = inside(&scene, "my-flow", "run pipeline.toml").ends(0);
        let printed = "- [x] water the plants\n- [ ] write to Ada\n- [ ] read pipeline.toml\n";
        assert_eq!(ran.text(), printed);
        assert_eq!(scene.read("my-flow/tasks.jsonl").lines().count(), 3);
    }
}

#[test]
fn what_cannot_be_made_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    scene.file("full/mine.txt", "mine");
    for (line, says) in [
        ("new full", "`full` is there already"),
        ("new --actor full", "`full` is there already"),
        ("new ../up", "`../up` is not a name"),
        ("new Big", "`Big` is not a name"),
        ("new --actor match", "`match` cannot be"),
    ] {
        scene.say(line).ends(2).tells([says, "help: "]);
    }
    assert_eq!(fs::read_dir(scene.path().join("full")).expect("it is there").count(), 1);
    assert!(!scene.has("Big") && !scene.has("match") && !scene.has("../up"));
}

#[test]
fn a_new_actor_is_built_tested_and_run_as_its_readme_says() {
    let scene = Scene::new();
    scene.say("new --actor my-actor").ends(0).tells(["cargo build --release"]);
    the_sdk_is_that_of_the_sources(&scene.path().join("my-actor/vendor/theater-flow"));
    // Libraries are built once, not once a run of the tests.
    let target = root().join("target/scaffold");
    fs::create_dir_all(&target).expect("a folder can be made");
    symlink(&target, scene.path().join("my-actor/target")).expect("a link can be made");
    if !cargo(&scene, "fetch --locked") {
        println!("skipped: the libraries of the SDK cannot be had here");
        return;
    }
    assert!(cargo(&scene, "test --locked --offline --quiet"));
    let readme = scene.read("my-actor/README.md");
    let build = format!("build --release --target {TARGET}");
    assert!(readme.contains(&format!("cargo {build}\n")), "{readme}");
    if !has_target() {
        println!("skipped: rustc has no target {TARGET}");
        return;
    }
    assert!(cargo(&scene, &format!("{build} --locked --offline --quiet")));
    it_runs(&scene);
    its_file_can_be_pinned(&scene);
    another_version_can_migrate(&scene);
}

fn it_runs(scene: &Scene) {
    inside(scene, "my-actor", "check pipeline.toml --deny-warnings").ends(0);
    let ran = inside(scene, "my-actor", "run pipeline.toml").ends(0);
    let first = r#"{"nth":1,"line":1,"text":"Tea first."}"#;
    let second = r#"{"nth":2,"line":3,"text":"Then more tea."}"#;
    assert_eq!(ran.text(), format!("{first}\n{second}\n"));
    // What is kept is the component that was made of the module, so the file may go.
    fs::remove_file(module(scene)).expect("it was built");
    inside(scene, "my-actor", "replay @latest").ends(0);
    inside(scene, "my-actor", "verify @latest").ends(0);
    assert!(cargo(scene, &format!("build --release --target {TARGET} --locked --offline --quiet")));
}

/// `sha256` is what `sha256sum` says of the file that the user has: the module, not the component.
fn its_file_can_be_pinned(scene: &Scene) {
    let sum = Command::new("sha256sum").arg(module(scene)).output().expect("sha256sum runs");
    let sum = String::from_utf8_lossy(&sum.stdout);
    let digest = sum.split_whitespace().next().expect("a digest");
    let pipeline = scene.read("my-actor/pipeline.toml");
    let pinned = |digest: &str| {
        let pin = format!("sha256 = \"{digest}\"\nconfig = {{ word");
        let text = pipeline.replacen("config = { word", &pin, 1);
        scene.file("my-actor/pinned.toml", text);
        inside(scene, "my-actor", "check pinned.toml")
    };
    pinned(digest).ends(0);
    pinned(&"0".repeat(64)).ends(78).tells(["TF0216", digest]);
}

/// What its author adds for a state that has another form than before.
const MIGRATE: &str = r#"
impl theater_flow_sdk::Migrate for Finder {
    fn migrate(_: &str, saved: &[u8]) -> Result<State, Fault> {
        let found = str::from_utf8(saved).ok().and_then(|count| count.parse().ok());
        let found = found.ok_or_else(|| Fault::new("no-count", "it is no number"))?;
        Ok(State { found })
    }
}
"#;

/// The component of the module that it was built to.
fn built(scene: &Scene) -> Vec<u8> {
    let module = fs::read(module(scene)).expect("it was built");
    component_of(&module).expect("an actor").into_owned()
}

fn another_version_can_migrate(scene: &Scene) {
    let cache = Some(scene.path().join(".theater-flow/cache"));
    let host = Arc::new(Host::new(HostConfig { cache, instances: 8 }).expect("a host"));
    assert!(!host.load(&built(scene)).expect("an actor").migrates());
    let source = scene.read("my-actor/src/lib.rs");
    let other = source.replacen("export!(Finder)", "export!(Finder, migrate)", 1);
    assert_ne!(other, source);
    scene.file("my-actor/src/lib.rs", other + MIGRATE);
    let settings = scene.read("my-actor/Cargo.toml");
    let sdk = "stdlib-actors/sdk\"";
    let feature = settings.replacen(sdk, &format!("{sdk}, features = [\"migrate\"]"), 1);
    let build = format!("build --release --target {TARGET} --locked --offline --quiet");
    assert!(!cargo(scene, &build), "it is a feature");
    scene.file("my-actor/Cargo.toml", feature);
    assert!(cargo(scene, &build));
    assert!(cargo(scene, "test --locked --offline --quiet"));
    let actor = host.load(&built(scene)).expect("an actor");
    assert!(actor.migrates());
    let file = Pipeline::read(&scene.path().join("my-actor/pipeline.toml")).expect("a file");
    let compiled = Fetcher::new(Arc::clone(&host)).compile(&file, &[], Mode::Run);
    let plan = Arc::new(compiled.plan.expect("a plan"));
    let own = plan.agents.iter().find(|agent| agent.component == actor.digest());
    let id = own.expect("it runs there").id;
    let migrated = |saved: &[u8]| {
        let gate = Gate::new(Arc::clone(&plan), id, Sinks::default(), Box::new(NoWorld));
        let mut instance = host.instance(&actor, gate).expect("an instance");
        perform::migrate(&mut instance, "00", saved).expect("it can")
    };
    assert_eq!(migrated(b"7"), Ok(br#"{"found":7}"#.to_vec()));
    assert!(migrated(b"many").expect_err("a fault").message.contains("no-count: it is no number"));
}

fn module(scene: &Scene) -> std::path::PathBuf {
    scene.path().join("my-actor/target").join(TARGET).join("release/my_actor.wasm")
}

/// Runs cargo in the actor's folder, as its user would.
fn cargo(scene: &Scene, line: &str) -> bool {
    let tool = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(tool);
    cargo.args(line.split_whitespace()).current_dir(scene.path().join("my-actor"));
    for (name, _) in std::env::vars_os() {
        let own = name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME";
        if own || name == "RUSTFLAGS" {
            cargo.env_remove(name);
        }
    }
    cargo.status().expect("cargo runs").success()
}

fn has_target() -> bool {
    let asked =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    folder.is_ok_and(|folder| Path::new(&folder).is_dir())
}

fn the_sdk_is_that_of_the_sources(vendored: &Path) {
    for folder in ["wit", "stdlib-actors/sdk", "stdlib-actors/sdk-macros"] {
        same(&root().join(folder), &vendored.join(folder));
    }
}

fn same(source: &Path, copy: &Path) {
    for entry in fs::read_dir(source).expect("it is there").flatten() {
        let (source, copy) = (entry.path(), copy.join(entry.file_name()));
        if source.is_dir() {
            same(&source, &copy);
        } else {
            let text = |path: &Path| fs::read(path).ok();
            assert!(text(&source) == text(&copy), "{} differs", copy.display());
        }
    }
}
