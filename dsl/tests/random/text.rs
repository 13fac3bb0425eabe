//! Laying out and expanding keep what a pipeline means.

use theater_flow_dsl::{Compiled, expand, format};
use theater_flow_kernel::plan::Plan;

use crate::comments::comments;
use crate::dice::Dice;
use crate::meaning::meaning;
use crate::pipelines::pipeline;
use crate::times;
use crate::world::{Beside, settle, source};

fn plan(text: &str) -> Plan {
    let Compiled { plan, faults, .. } = settle(text, &Beside::default());
    plan.unwrap_or_else(|| panic!("{faults:#?}\n{text}"))
}

fn expanded(text: &str) -> String {
    let beside = Beside::default();
    let compiled = settle(text, &beside);
    expand(&source(text, &beside), &compiled).expect("what compiles can be changed")
}

#[test]
fn laid_out_and_expanded_files_mean_the_same() {
    for seed in 1_000_000..1_000_000 + 200 * times() {
        let text = pipeline(&mut Dice(seed), 10).text;
        let meant = meaning(&plan(&text));
        let laid_out = format(&text).expect("it is TOML");
        assert_eq!(meaning(&plan(&laid_out)), meant, "seed {seed}:\n{text}");
        assert_eq!(format(&laid_out).as_ref(), Ok(&laid_out), "seed {seed}:\n{text}");
        assert_eq!(comments(&laid_out), comments(&text), "seed {seed}:\n{text}");
        let whole = expanded(&text);
        assert_eq!(meaning(&plan(&whole)), meant, "seed {seed}:\n{text}");
        assert_eq!(expanded(&whole), whole, "seed {seed}:\n{text}");
        let whole = expanded(&laid_out);
        assert_eq!(format(&whole).as_ref(), Ok(&whole), "seed {seed}:\n{text}");
    }
}
