//! The cases of OTP's `supervisor_SUITE`, by their names there: each is run here with what it asserts, or
//! has no counterpart.

mod found;
mod misc;
mod play;
mod significant;
mod starts;
mod stops;
mod strategies;
mod types;

/// What becomes of a case.
enum Case {
    /// A test of ours asserts what it asserts.
    Runs(fn()),
    /// It is about something that is not there, for this reason.
    Not(&'static str),
    /// It is about changing what runs.
    Reload,
}

use Case::{Not, Reload, Runs};

const NO_IGNORE: &str = "a component's `init` succeeds or fails; there is no `ignore`";
const NO_DYNAMIC: &str = "no simple_one_for_one: all children stand in the file";
const NO_CALLBACK: &str = "a supervisor is data, not a module with an `init` that could fail";
const NO_ADMIN: &str = "children are not started, deleted or asked for by calls";
const CHECKED: &str = "the file's faults are the compiler's: dsl/tests/cases";
const SHOWN: &str = "`theater-flow tree` shows it, and has tests of its own";
const NO_REPORTS: &str = "no logger: what happens is in the record";

const SUITE: [(&str, Case); 93] = [
    ("sup_start_normal", Runs(starts::sup_start_normal)),
    ("sup_start_ignore_init", Not(NO_IGNORE)),
    ("sup_start_ignore_child", Not(NO_IGNORE)),
    ("sup_start_ignore_temporary_child", Not(NO_IGNORE)),
    ("sup_start_ignore_temporary_child_start_child", Not(NO_IGNORE)),
    ("sup_start_ignore_temporary_child_start_child_simple", Not(NO_IGNORE)),
    ("sup_start_ignore_permanent_child_start_child_simple", Not(NO_IGNORE)),
    ("sup_start_error_return", Not(NO_CALLBACK)),
    ("sup_start_fail", Not(NO_CALLBACK)),
    ("sup_start_child_returns_error", Runs(starts::sup_start_child_returns_error)),
    ("sup_start_restart_child_returns_error", Runs(starts::sup_start_restart_child_returns_error)),
    ("sup_start_child_returns_error_simple", Not(NO_DYNAMIC)),
    ("sup_start_map", Not(CHECKED)),
    ("sup_start_map_simple", Not(NO_DYNAMIC)),
    ("sup_start_map_faulty_specs", Not(CHECKED)),
    ("sup_stop_infinity", Runs(stops::sup_stop_infinity)),
    ("sup_stop_timeout", Runs(stops::sup_stop_timeout)),
    ("sup_stop_timeout_dynamic", Not(NO_DYNAMIC)),
    ("sup_stop_brutal_kill", Runs(stops::sup_stop_brutal_kill)),
    ("sup_stop_brutal_kill_dynamic", Not(NO_DYNAMIC)),
    ("sup_stop_race", Runs(stops::sup_stop_race)),
    ("sup_stop_non_shutdown_exit_dynamic", Not(NO_DYNAMIC)),
    ("child_adm", Not(NO_ADMIN)),
    ("child_adm_simple", Not(NO_DYNAMIC)),
    ("extra_return", Not(NO_ADMIN)),
    ("child_specs", Not(CHECKED)),
    ("child_specs_map", Not(CHECKED)),
    ("sup_flags", Not(CHECKED)),
    ("multiple_restarts", Runs(strategies::multiple_restarts)),
    ("one_for_one", Runs(strategies::one_for_one)),
    ("one_for_one_escalation", Runs(strategies::one_for_one_escalation)),
    ("one_for_all", Runs(strategies::one_for_all)),
    ("one_for_all_escalation", Runs(strategies::one_for_all_escalation)),
    (
        "one_for_all_other_child_fails_restart",
        Runs(strategies::one_for_all_other_child_fails_restart),
    ),
    ("rest_for_one", Runs(strategies::rest_for_one)),
    ("rest_for_one_escalation", Runs(strategies::rest_for_one_escalation)),
    (
        "rest_for_one_other_child_fails_restart",
        Runs(strategies::rest_for_one_other_child_fails_restart),
    ),
    ("simple_one_for_one", Not(NO_DYNAMIC)),
    ("simple_one_for_one_shutdown", Not(NO_DYNAMIC)),
    ("simple_one_for_one_extra", Not(NO_DYNAMIC)),
    ("simple_one_for_one_escalation", Not(NO_DYNAMIC)),
    ("simple_one_for_one_corruption", Not(NO_DYNAMIC)),
    ("simple_one_for_one_restart_ignore", Not(NO_DYNAMIC)),
    ("external_start_no_progress_log", Not(NO_REPORTS)),
    ("permanent_normal", Runs(types::permanent_normal)),
    ("transient_normal", Runs(types::transient_normal)),
    ("temporary_normal", Runs(types::temporary_normal)),
    ("permanent_shutdown", Runs(types::permanent_shutdown)),
    ("transient_shutdown", Runs(types::transient_shutdown)),
    ("temporary_shutdown", Runs(types::temporary_shutdown)),
    ("faulty_application_shutdown", Runs(types::faulty_application_shutdown)),
    ("permanent_abnormal", Runs(types::permanent_abnormal)),
    ("transient_abnormal", Runs(types::transient_abnormal)),
    ("temporary_abnormal", Runs(types::temporary_abnormal)),
    ("nonsignificant_temporary", Runs(significant::nonsignificant_temporary)),
    ("nonsignificant_transient", Runs(significant::nonsignificant_transient)),
    ("significant_temporary", Runs(significant::significant_temporary)),
    ("significant_transient", Runs(significant::significant_transient)),
    ("significant_simple", Not(NO_DYNAMIC)),
    ("significant_bystander", Runs(significant::significant_bystander)),
    ("significant_escalation", Runs(significant::significant_escalation)),
    ("significant_upgrade_never_any", Reload),
    ("significant_upgrade_any_never", Reload),
    ("significant_upgrade_never_all", Reload),
    ("significant_upgrade_all_never", Reload),
    ("significant_upgrade_any_all", Reload),
    ("significant_upgrade_all_any", Reload),
    ("significant_upgrade_child", Reload),
    ("child_unlink", Not("an agent cannot leave its supervisor")),
    ("tree", Runs(misc::tree)),
    ("count_children", Not(SHOWN)),
    ("count_children_supervisor", Not(SHOWN)),
    ("count_restarting_children", Not(SHOWN)),
    ("get_callback_module", Not(NO_CALLBACK)),
    (
        "do_not_save_start_parameters_for_temporary_children",
        Not("an agent's config is the file's, and stays"),
    ),
    (
        "do_not_save_child_specs_for_temporary_children",
        Runs(misc::do_not_save_child_specs_for_temporary_children),
    ),
    ("temporary_bystander", Runs(misc::temporary_bystander)),
    ("simple_one_for_one_scale_many_temporary_children", Not(NO_DYNAMIC)),
    ("scale_start_stop_many_children", Runs(misc::scale_start_stop_many_children)),
    ("simple_global_supervisor", Not("supervisors have no names that others register")),
    ("hanging_restart_loop", Runs(misc::hanging_restart_loop)),
    ("hanging_restart_loop_rest_for_one", Runs(misc::hanging_restart_loop_rest_for_one)),
    ("hanging_restart_loop_simple", Not(NO_DYNAMIC)),
    ("code_change", Reload),
    ("code_change_map", Reload),
    ("code_change_simple", Not(NO_DYNAMIC)),
    ("code_change_simple_map", Not(NO_DYNAMIC)),
    ("order_of_children", Runs(misc::order_of_children)),
    ("format_log_1", Not(NO_REPORTS)),
    ("format_log_2", Not(NO_REPORTS)),
    ("already_started_outside_supervisor", Not(NO_ADMIN)),
    ("which_children", Not(SHOWN)),
    ("which_children_simple_one_for_one", Not(NO_DYNAMIC)),
];

#[test]
#[expect(clippy::print_stdout, reason = "the counts are for whoever reads the test's output")]
fn every_case_of_otp_is_run_or_has_a_reason() {
    let mut names: Vec<&str> = SUITE.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 93, "a case stands twice");
    let (mut run, mut not, mut reload) = (0, 0, 0);
    for (name, case) in &SUITE {
        match case {
            Runs(case) => {
                case();
                run += 1;
            }
            Not(reason) => {
                assert!(!reason.is_empty(), "{name} has no reason");
                not += 1;
            }
            Reload => reload += 1,
        }
    }
    println!("of OTP's 93 cases {run} run, {not} have no counterpart, {reload} wait for reload");
    assert_eq!((run, not, reload), (39, 45, 9));
}
