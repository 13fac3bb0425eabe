//! Calls of host functions, counted by who heard them and by the log.

use std::collections::BTreeMap;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{Body, Consumed, Entry};

use super::heard::{Book, Calls, Life, add, of};
use super::live::Lives;

/// Counts of calls, by who says so.
#[derive(Default)]
pub(crate) struct Count {
    /// The listener, of calls to handle an event.
    heard: Calls,
    /// The log, of the same.
    logged: Calls,
    /// The listener, of what a new life did again: each was compared with the record of the first time.
    again: Calls,
    /// The listener, of log lines in `init` and `snapshot`.
    aside: Calls,
    /// The log, of the same.
    logged_aside: Calls,
    /// The listener, of calls whose process or life was over before they were recorded: they had no effect.
    lost: Calls,
    /// Runs of which no call may be lost.
    calm: u64,
    runs: u64,
}

impl Count {
    /// Compares what was heard of a run with its log.
    pub(crate) fn compare(&mut self, book: &Book, entries: &[Entry], lives: Lives) {
        let mut lost = Calls::new();
        let mut logged = by_agent(entries);
        for (agent, heard) in &book.lives {
            let logged = logged.remove(agent).unwrap_or_default();
            add(&mut lost, &self.agent(*agent, heard, &logged));
        }
        assert!(logged.is_empty(), "calls of which nothing was heard: {logged:?}");
        for entry in entries {
            if let Body::Incarnation(_) | Body::Snapshot(_) = entry.body {
                add(&mut self.logged_aside, &of(&entry.body));
            }
        }
        add(&mut self.again, &book.again);
        add(&mut self.aside, &book.aside);
        let ends_lives = |body: &Body| matches!(body, Body::Crashed(_) | Body::Restarted(_));
        let crashed = entries.iter().any(|entry| ends_lives(&entry.body));
        self.runs += 1;
        if lives.killed + lives.stopped + lives.full == 0 && !crashed {
            self.calm += 1;
            assert_eq!(lost, Calls::new(), "nothing was in the way of recording these");
        }
        add(&mut self.lost, &lost);
    }

    /// Those of other runs too.
    pub(crate) fn join(&mut self, other: &Self) {
        for (sum, other) in [
            (&mut self.heard, &other.heard),
            (&mut self.logged, &other.logged),
            (&mut self.again, &other.again),
            (&mut self.aside, &other.aside),
            (&mut self.logged_aside, &other.logged_aside),
            (&mut self.lost, &other.lost),
        ] {
            add(sum, other);
        }
        self.calm += other.calm;
        self.runs += other.runs;
    }

    /// What was heard is in the log or was lost with its process or life; in the calm runs nothing was lost.
    #[track_caller]
    pub(crate) fn check(&self) {
        let mut known = self.logged.clone();
        add(&mut known, &self.lost);
        assert_eq!(self.heard, known);
        assert_eq!(self.aside, self.logged_aside);
        assert!(self.calm * 4 > self.runs, "{} of {} runs are calm", self.calm, self.runs);
    }

    /// How many functions were called.
    pub(crate) fn functions(&self) -> usize {
        self.logged.len()
    }

    /// Finds for each life in the log the one that was heard: it begins with the same calls. What of the
    /// others is not in the log.
    fn agent(&mut self, agent: AgentId, heard: &[Life], logged: &[Life]) -> Calls {
        let mut lost = Calls::new();
        let mut rest = heard.iter();
        for life in logged {
            let mut others = rest.clone();
            let found = others.position(|heard| heard.starts_with(life));
            let Some(found) = found else {
                panic!("{agent:?}: {}", difference(rest.as_slice(), life));
            };
            for _ in 0..found {
                let other = rest.next().expect("it was found behind");
                add_all(&mut lost, other);
            }
            let this = rest.next().expect("it was found");
            add_all(&mut lost, &this[life.len()..]);
            add_all(&mut self.logged, life);
        }
        rest.for_each(|life| add_all(&mut lost, life));
        for life in heard {
            add_all(&mut self.heard, life);
        }
        lost
    }

    pub(crate) fn table(&self) -> String {
        let line = |name: &&'static str| {
            let of = |calls: &Calls| calls.get(name).copied().unwrap_or(0);
            let (heard, logged, lost) = (of(&self.heard), of(&self.logged), of(&self.lost));
            format!("{name:<14} {heard:>8} {logged:>8} {lost:>6} {:>8}\n", of(&self.again))
        };
        let names: Vec<_> = self.heard.keys().copied().collect();
        let head =
            format!("{:<14} {:>8} {:>8} {:>6} {:>8}\n", "", "heard", "logged", "lost", "again");
        let runs = format!("runs {}, of which calm {}\n", self.runs, self.calm);
        runs + &head + &names.iter().map(line).collect::<String>()
    }
}

fn add_all(sum: &mut Calls, life: &[(Consumed, Calls)]) {
    for (_, calls) in life {
        add(sum, calls);
    }
}

/// Where a life in the log departs from the one that was heard that is nearest to it.
fn difference(heard: &[Life], logged: &Life) -> String {
    let same = |heard: &&Life| heard.iter().zip(logged).take_while(|(a, b)| a == b).count();
    match heard.iter().max_by_key(same) {
        None => format!("nothing was heard of {logged:?}"),
        Some(nearest) => {
            let at = same(&nearest);
            format!("logged {:?}, heard {:?}", logged.get(at), nearest.get(at))
        }
    }
}

/// What each agent called by the log, life by life. A life that handled nothing is left out.
fn by_agent(entries: &[Entry]) -> BTreeMap<AgentId, Vec<Life>> {
    let mut lives: BTreeMap<(AgentId, u32), Life> = BTreeMap::new();
    for entry in entries {
        let (by, consumed): (_, &Consumed) = match &entry.body {
            Body::Transaction(body) => (body.by, &body.consumed),
            Body::Faulted(body) => (body.by, &body.consumed),
            Body::Intent(body) => (body.by, &body.consumed),
            Body::Crashed(body) => match &body.consumed {
                Some(consumed) => (body.by, consumed),
                None => continue,
            },
            _ => continue,
        };
        let life = lives.entry((by.agent, by.incarnation)).or_default();
        life.push((consumed.clone(), of(&entry.body)));
    }
    let mut agents: BTreeMap<AgentId, Vec<Life>> = BTreeMap::new();
    for ((agent, _), life) in lives {
        agents.entry(agent).or_default().push(life);
    }
    agents
}
