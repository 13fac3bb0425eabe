//! What a run that was asked to stop, or comes to its end, waits for, in one line.

use super::count;
use crate::driver::Remains;
use crate::render::escape::escape;

/// Agents named in the line; of more only the number.
const NAMED: usize = 8;

/// One line: how long it is still waited, unless it is for as long as it takes, and what each agent has yet to do.
#[must_use]
pub fn remains_line(remains: &[Remains], left_ms: Option<u64>) -> String {
    let mut words: Vec<String> = remains.iter().take(NAMED).map(one).collect();
    if let Some(more) = remains.len().checked_sub(NAMED).filter(|more| *more > 0) {
        words.push(format!("and {}", count(more as u64, "other", "others")));
    }
    if words.is_empty() {
        words.push(String::from("the log"));
    }
    let how = left_ms.map_or_else(
        || String::from("ending; waiting"),
        |left| format!("stopping; waiting at most {} s", left.div_ceil(1_000)),
    );
    format!("{how} for {}", words.join("; "))
}

fn one(agent: &Remains) -> String {
    let Remains { agent, messages, works, asks, bytes } = agent;
    let mut what = vec![];
    if *messages > 0 {
        what.push(count(*messages, "message", "messages"));
    } else if *works {
        what.push(String::from("a call under way"));
    }
    if *asks {
        what.push(String::from("a request"));
    }
    if *bytes > 0 {
        what.push(format!("{} to write", count(*bytes, "byte", "bytes")));
    }
    format!("{}: {}", escape(agent), what.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remains(agent: &str, messages: u64) -> Remains {
        let agent = agent.to_owned();
        Remains { agent, messages, works: true, asks: false, bytes: 0 }
    }

    #[test]
    fn each_agent_is_named_with_what_it_has_to_do() {
        let busy = Remains { asks: true, bytes: 12, ..remains("busy", 0) };
        let line = remains_line(&[remains("scan", 2), busy], Some(1_001));
        let told = "stopping; waiting at most 2 s for scan: 2 messages; busy: a call under way, a request, 12 bytes to \
                    write";
        assert_eq!(line, told);
    }

    #[test]
    fn many_agents_are_counted() {
        let many: Vec<Remains> = (0..12).map(|nth| remains(&format!("a{nth}"), 1)).collect();
        let line = remains_line(&many, Some(0));
        assert!(line.ends_with("a7: 1 message; and 4 others"), "{line}");
        let log = "stopping; waiting at most 1 s for the log";
        assert_eq!(remains_line(&[], Some(500)), log);
        let ending = remains_line(&many[..1], None);
        assert_eq!(ending, "ending; waiting for a0: 1 message");
    }
}
