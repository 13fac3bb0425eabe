use super::*;

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(line.split_whitespace())
}

fn command(line: &str) -> Command {
    read(line).unwrap_or_else(|error| panic!("{line}: {error}")).command
}

#[test]
fn the_grammar_is_sound() {
    grammar().debug_assert();
}

#[test]
fn run_takes_a_file_and_settings() {
    let Command::Run(run) = command("tf run a.toml --set k=v --set url=a=b --set empty=") else {
        panic!("not `run`")
    };
    assert_eq!(run.file, Some("a.toml".into()));
    let set = [("k", "v"), ("url", "a=b"), ("empty", "")];
    assert_eq!(run.set, set.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert!(!run.allow_dead_letters && run.resume.is_none());
}

#[test]
fn run_can_resume() {
    let Command::Run(run) = command("tf run --resume @latest --allow-dead-letters") else {
        panic!("not `run`")
    };
    assert_eq!((run.file, run.resume.as_deref()), (None, Some("@latest")));
    assert!(run.allow_dead_letters);
}

#[test]
fn records_and_parts_are_named_by_number() {
    for (text, what) in [("0", Ref::record(0)), ("12", Ref::record(12)), ("12.3", Ref::part(12, 3))]
    {
        let expected = Command::Show { run: "@latest".into(), what };
        assert_eq!(command(&format!("tf show @latest {text}")), expected);
    }
}

#[test]
fn a_part_of_a_run_is_named_by_records() {
    let Command::Replay(replay) = command("tf replay x --until 9 --from 2 --with p.toml") else {
        panic!("not `replay`")
    };
    assert_eq!((replay.from, replay.until, replay.with), (Some(2), Some(9), Some("p.toml".into())));
    let Command::Why(why) = command("tf why x 3.1 --impact") else { panic!("not `why`") };
    assert_eq!((why.what, why.impact), (Ref::part(3, 1), true));
    let Command::State(state) = command("tf state x a --at 7 --raw") else { panic!("not `state`") };
    assert_eq!((state.agent.as_str(), state.at, state.raw), ("a", Some(7), true));
}

#[test]
fn a_wrong_number_or_duration_is_refused_with_how_to_write_it() {
    let number = "write the number of a record: `12`";
    let duration = "write it as `500ms`, `30s`, `2m` or `1h`";
    let part = "write it as `12`, or `12.0` for the first part of record 12";
    let days = "write a number of days: `30`";
    let answer = "write it as `12=answer.json`, or `12.0=answer.json`";
    let lines = [
        ("tf show x -1", part),
        ("tf show x 1.x", part),
        ("tf why x -1", part),
        ("tf why x -1.0 --impact", part),
        ("tf prune x --payload -1", part),
        ("tf prune x --keep-days -1", days),
        ("tf prune x --keep-days soon", days),
        ("tf prune x --before -1", number),
        ("tf fork x --at -1", number),
        ("tf fork x --answer -3=a.json", answer),
        ("tf fork x --answer -3", answer),
        ("tf fork x --at 3 --drain -1s", duration),
        ("tf approve x -1", number),
        ("tf dlq x retry -3", number),
        ("tf replay x --until -5", number),
        ("tf state x a --at -1", number),
        ("tf verify x --head -1", "a head is 64 hex digits"),
        ("tf run a.toml --set -1", "write it as `key=value`"),
        ("tf tree x --at abc", number),
        ("tf tree x --at -1", number),
        ("tf state x a --at 3.1", number),
        ("tf fork x --at 99999999999999999999", number),
        ("tf replay x --from -5", number),
        ("tf prune x --before x", number),
        ("tf approve x y", number),
        ("tf dlq x show -1", number),
        ("tf dlq x retry 3 four", number),
        ("tf stop x --drain -1s", duration),
        ("tf run a.toml --drain 5", duration),
    ];
    for (line, told) in lines {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(told), "{line}: {error}");
    }
}

#[test]
fn global_options_stand_anywhere() {
    for line in ["tf --json --data d -q runs", "tf runs --json --data d --quiet"] {
        let cli = read(line).expect("it is right");
        assert_eq!(cli.global, Global { data: "d".into(), json: true, quiet: true });
    }
}

#[test]
fn wrong_lines_are_refused_with_2() {
    let lines = [
        "tf",
        "tf fly",
        "tf run",
        "tf run a.toml b.toml",
        "tf run a.toml --resume x",
        "tf run --resume x --set a=b",
        "tf run a.toml --set k",
        "tf run a.toml --set =v",
        "tf run a.toml --watcher eagle",
        "tf reload x",
        "tf rollback x",
        "tf rollback x one",
        "tf plans x one",
        "tf send x a.in",
        "tf watch",
        "tf check",
        "tf show x",
        "tf show x 1.2.3",
        "tf show x 1.",
        "tf show x .1",
        "tf show x +1",
        "tf show x 99999999999999999999",
        "tf show x 1.4294967296",
        "tf verify x --head abc",
        "tf why x",
        "tf why x 1.",
        "tf state x",
        "tf state x a --at 1.0",
        "tf state x a --raw --json",
        "tf diff x",
        "tf replay x --from -1",
        "tf completions cobol",
        "tf events x --kind emision",
    ];
    for line in lines {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.use_stderr(), "{line}");
    }
}

#[test]
fn an_unknown_kind_names_the_one_that_was_meant() {
    let error = read("tf events x --kind emision").expect_err("no such kind").to_string();
    assert!(error.contains("a similar value exists: 'emission'"), "{error}");
}

#[test]
fn help_and_version_end_with_0() {
    for line in ["tf --help", "tf -h", "tf --version", "tf run --help", "tf events -h"] {
        let error = read(line).expect_err("it is told as an error");
        assert_eq!(error.exit_code(), 0, "{line}");
        assert!(!error.use_stderr(), "{line}");
    }
}

#[test]
fn every_command_has_an_example_that_is_right() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let examples =
            help.strip_prefix("Example:\n").unwrap_or_else(|| panic!("{}", command.get_name()));
        for line in examples.lines().map(str::trim) {
            let line = line.split(" > ").next().unwrap_or_default();
            assert!(line.starts_with(&format!("{NAME} {}", command.get_name())), "{line}");
            read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}

#[test]
fn every_shell_has_a_script() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        let script = completions(shell);
        assert!(script.contains("deny-warnings"), "{shell}");
        let printed = crate::render::escape::scrub(&script, false);
        assert_eq!(printed, script, "{shell}: printing changes nothing");
    }
}

#[test]
fn every_command_has_a_page() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let page = page(name).unwrap_or_else(|_| panic!("{name}"));
        assert!(page.contains(&format!(".TH {NAME}-{name} 1")), "{page}");
        for heading in ["NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"] {
            let quoted = format!(".SH \"{heading}\"\n");
            let plain = format!(".SH {heading}\n");
            assert!(page.contains(&quoted) || page.contains(&plain), "{name}, {heading}: {page}");
        }
        let printed = crate::render::escape::scrub(&page, false);
        assert_eq!(printed, page, "{name}: printing changes nothing");
    }
    assert!(page("rnu").expect_err("no such command").contains(&"run".to_owned()));
}

#[test]
fn the_manual_says_what_the_help_says() {
    let manual = manual();
    let mut command = Cli::command();
    let help = command.render_long_help().to_string();
    for (name, what) in [("130", "interrupted"), ("THEATER_FLOW_PROGRESS", "never")] {
        for text in [&manual, &help] {
            assert!(text.contains(name) && text.contains(what), "{name}: {text}");
        }
    }
    for command in Cli::command().get_subcommands() {
        let named = command.get_name().replace('-', "\\-");
        assert!(manual.contains(&format!("\\-{named}(1)")), "{named}: {manual}");
    }
}
