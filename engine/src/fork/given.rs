//! Answers that a fork is given in place of those that the world gave its parent.
//!
//! What a call did up to the answer is taken from the record, and the call goes on from there as after any ask:
//! further answers come from the world.

use std::sync::Arc;

use theater_flow_kernel::block::Damage;
use theater_flow_kernel::gate::FileError;
use theater_flow_kernel::http::{self, HttpError, HttpErrorCode, Response};
use theater_flow_kernel::ids::{AgentId, Bytes, Ref};
use theater_flow_kernel::record::{Attempt, Body, Call, Consumed, Entry, Intent, Outcome, Part};
use theater_flow_kernel::state::{Asking, Stand};

use super::{Fork, Instead};
use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// A recorded answer that another one is to stand for.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What was named: the part, or the record of the outcome.
    pub of: Ref,
    /// The last record before it was known: where the fork goes on at the latest.
    pub before: u64,
    /// The record of the call or of the outcome.
    entry: Entry,
    /// Of a call, the part.
    part: Option<u32>,
}

/// Why another answer cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// The log cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nothing was answered there.
    #[error("{0} is not an answer of the world")]
    NoAnswer(Ref),
    /// Only answers of some calls can be given.
    #[error("{of} answers `{call}`, for which no answer can be given")]
    NoSuch {
        /// What was named.
        of: Ref,
        /// The call.
        call: &'static str,
    },
    /// Its agent does not wait for it there.
    #[error("nobody waits for {of} after record {at}")]
    NotWaiting {
        /// What was named.
        of: Ref,
        /// The point.
        at: u64,
    },
    /// An agent that forgets what it did cannot do it again.
    #[error(
        "`{agent}` begins each life from nothing (`restore = \"fresh\"`): it cannot be given {of}"
    )]
    Forgets {
        /// Who.
        agent: String,
        /// What was named.
        of: Ref,
    },
    /// The file is no such answer.
    #[error("{what} cannot stand for {of}: {why}")]
    Unfit {
        /// What was named.
        of: Ref,
        /// The file.
        what: String,
        /// Why not.
        why: String,
    },
}

impl From<Damage> for GivenError {
    fn from(damage: Damage) -> Self {
        Self::Journal(damage.into())
    }
}

impl Answered {
    /// The answer that stands at `of`.
    ///
    /// # Errors
    /// If the log cannot be read, or no answer of the world stands there.
    pub fn find<S: Store>(journal: &Journal<S>, of: Ref) -> Result<Self, GivenError> {
        let entry = journal.stored(of.seq)?.to_entry()?;
        let part = of.part.map(|i| (i, entry.body.parts().get(i as usize)));
        let (entry, part) = match part {
            None if answers(&entry.body) => (entry, None),
            Some((i, Some(Part::Answer { call: Call::HttpSend, .. }))) => {
                (outcome_of(journal, &entry, i)?.ok_or(GivenError::NoAnswer(of))?, None)
            }
            Some((i, Some(Part::Answer { .. }))) => (entry, Some(i)),
            _ => return Err(GivenError::NoAnswer(of)),
        };
        let before = entry.seq.checked_sub(1).ok_or(GivenError::NoAnswer(of))?;
        Ok(Self { of, before, entry, part })
    }

    /// Lets the fork, which goes on after record `at`, be given the content of a file instead.
    ///
    /// # Errors
    /// If its agent does not wait for it there, or the file is no such answer.
    pub fn give(
        &self,
        fork: &mut Fork,
        at: u64,
        (name, file): (&str, &[u8]),
    ) -> Result<(), GivenError> {
        let of = self.of;
        let unfit = |why: String| GivenError::Unfit { of, what: format!("`{name}`"), why };
        let (agent, answer) = match (&self.entry.body, self.part) {
            (Body::Outcome(outcome), _) => {
                let most = waits(fork, outcome).ok_or(GivenError::NotWaiting { of, at })?;
                (outcome.agent, http_answer(file, most).map_err(unfit)?)
            }
            (_, Some(i)) if self.before == at => {
                let (by, asked) = self.ask(fork, i)?;
                let (call, args) = (asked.call, self.args(i).ok_or(GivenError::NoAnswer(of))?);
                let answer = read_answer(call, &args, file);
                let answer =
                    answer.ok_or(GivenError::NoSuch { of, call: crate::view::call::name(call) })?;
                (by, answer.map_err(unfit)?)
            }
            _ => return Err(GivenError::NotWaiting { of, at }),
        };
        fork.given.push(Instead { of, agent, answer });
        Ok(())
    }

    /// What was asked, and at its place the arguments' bytes.
    fn args(&self, i: u32) -> Option<Bytes> {
        let before = &self.entry.body.parts()[..i as usize];
        self.entry
            .payloads
            .get(before.iter().map(|part| part.payloads().count()).sum::<usize>())
            .cloned()
    }

    /// Lets the agent wait for the answer as for that of an ask: what its call did before stands in the record.
    fn ask(&self, fork: &mut Fork, i: u32) -> Result<(AgentId, Intent), GivenError> {
        let of = self.of;
        let (by, consumed) = event(&self.entry.body).ok_or(GivenError::NoAnswer(of))?;
        let plan = fork.plan.agent(by.agent).filter(|agent| agent.is_fresh());
        if let Some(agent) = plan {
            return Err(GivenError::Forgets { agent: agent.name.clone(), of });
        }
        let parts = self.entry.body.parts()[..i as usize].to_vec();
        let Some(Part::Answer { call, args, .. }) = self.entry.body.parts().get(i as usize) else {
            return Err(GivenError::NoAnswer(of));
        };
        let asks =
            parts.iter().filter(|part| matches!(part, Part::Answer { call: Call::HttpSend, .. }));
        let n = u32::try_from(asks.count()).unwrap_or(u32::MAX);
        let payloads = parts.iter().map(|part| part.payloads().count()).sum::<usize>() + 1;
        let (call, args, key, fuel) = (*call, *args, String::new(), 0);
        let intent = Intent { by, consumed: consumed.clone(), parts, n, call, args, key, fuel };
        let entry = Entry {
            body: Body::Intent(intent.clone()),
            payloads: self.entry.payloads[..payloads].to_vec(),
            ..self.entry.clone()
        };
        let (now, seq) = (fork.state.kept.now, entry.seq);
        fork.state.kept.agents[by.agent.index()].asking = Some(Asking {
            consumed,
            attempt: by.attempt,
            since: now,
            intent: Arc::new(entry),
            stand: Stand::Open { after: seq },
            unknown: false,
            asked: now,
            elsewhere: None,
        });
        Ok((by.agent, intent))
    }
}

fn answers(body: &Body) -> bool {
    matches!(body, Body::Outcome(Outcome { answer: Some(_), .. }))
}

/// Whose call it was, about which event.
fn event(body: &Body) -> Option<(Attempt, Consumed)> {
    match body {
        Body::Transaction(body) => Some((body.by, body.consumed.clone())),
        Body::Faulted(body) => Some((body.by, body.consumed.clone())),
        Body::Crashed(body) => Some((body.by, body.consumed.clone()?)),
        Body::Intent(body) => Some((body.by, body.consumed.clone())),
        _ => None,
    }
}

/// The record of the outcome from which part `i` of a call is: asks follow one another, so it is as many steps
/// back as there are answers after it.
fn outcome_of<S: Store>(
    journal: &Journal<S>,
    entry: &Entry,
    i: u32,
) -> Result<Option<Entry>, GivenError> {
    let later = entry.body.parts().iter().skip(i as usize + 1);
    let later = later.filter(|part| matches!(part, Part::Answer { call: Call::HttpSend, .. }));
    let (mut left, mut at) = (later.count(), entry.clone());
    loop {
        let mut found = None;
        for cause in &at.causes {
            if cause.seq < journal.first() {
                continue;
            }
            let cause = journal.stored(cause.seq)?.to_entry()?;
            if answers(&cause.body) {
                found = Some(cause);
            }
        }
        let Some(outcome) = found else { return Ok(None) };
        if left == 0 {
            return Ok(Some(outcome));
        }
        left -= 1;
        let Body::Outcome(body) = &outcome.body else { return Ok(None) };
        at = journal.stored(body.intent)?.to_entry()?;
    }
}

/// If the agent waits for this outcome, how many bytes its body may have.
fn waits(fork: &Fork, outcome: &Outcome) -> Option<u64> {
    let agent = fork.state.kept.agents.get(outcome.agent.index())?;
    let asking = agent.asking.as_ref().filter(|asking| {
        let open = !matches!(asking.stand, Stand::Answered { .. });
        open && asking.intent.seq == outcome.intent && !agent.life.is_over()
    })?;
    let (_, _, grant) = asking.request(fork.plan.agent(outcome.agent)?)?;
    Some(grant.max_body)
}

/// The answer to a read, of which the file's content is the content; `None` for other calls.
fn read_answer(call: Call, args: &[u8], file: &[u8]) -> Option<Result<Bytes, String>> {
    let bounded = |most: u32| match u32::try_from(file.len()) {
        Ok(len) if len <= most => Ok(file.to_vec()),
        _ => Err(format!("it has {} bytes, {most} were asked for", file.len())),
    };
    Some(match call {
        Call::ClockNow => {
            let text = std::str::from_utf8(file).unwrap_or_default().trim();
            let ms = text.parse::<u64>();
            ms.map(|ms| encode(&ms))
                .map_err(|_| String::from("it is not a number of ms since 1970"))
        }
        Call::RandomBytes => {
            let asked: u32 = postcard::from_bytes(args).ok()?;
            match u32::try_from(file.len()) {
                Ok(len) if len == asked => Ok(encode(&file.to_vec())),
                _ => Err(format!("it has {} bytes, {asked} were asked for", file.len())),
            }
        }
        Call::FilesRead => {
            let (_, _, most): (String, u64, u32) = postcard::from_bytes(args).ok()?;
            bounded(most).map(|bytes| encode(&Ok::<_, FileError>(bytes)))
        }
        Call::StdinRead => {
            let most: u32 = postcard::from_bytes(args).ok()?;
            bounded(most).map(|bytes| encode(&Ok::<_, String>(bytes)))
        }
        _ => return None,
    })
}

fn encode<T: serde::Serialize>(value: &T) -> Bytes {
    postcard::to_allocvec(value).expect("answers are plain data").into()
}

/// An HTTP answer as people write it.
#[derive(serde::Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Response {
        status: u16,
        #[serde(default)]
        headers: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        body: serde_json::Value,
    },
    Error {
        error: String,
        #[serde(default)]
        message: String,
    },
}

fn http_answer(file: &[u8], most: u64) -> Result<Bytes, String> {
    let written: Written = serde_json::from_slice(file).map_err(|_| {
        String::from(
            "write `{\"status\": 200, \"headers\": {}, \"body\": \"…\"}`, or `{\"error\": \"timeout\", \"message\": \"…\"}`",
        )
    })?;
    let answer: http::Answer = match written {
        Written::Response { status, headers, body } => {
            if !(100..600).contains(&status) {
                return Err(format!("{status} is no status of a response"));
            }
            let headers =
                headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
            let body = match body {
                serde_json::Value::Null => Vec::new(),
                serde_json::Value::String(text) => text.into_bytes(),
                other => other.to_string().into_bytes(),
            };
            if body.len() as u64 > most {
                return Err(format!("its body has {} bytes, {most} are granted", body.len()));
            }
            Ok(Response { status, headers: headers.collect(), body })
        }
        Written::Error { error, message } => {
            use HttpErrorCode as Code;
            let codes = [
                Code::Invalid,
                Code::Dns,
                Code::Connect,
                Code::Tls,
                Code::Timeout,
                Code::TooLarge,
                Code::Protocol,
            ];
            let named = |code: &Code| crate::view::http_error(*code) == error;
            let code = codes.into_iter().find(named).ok_or_else(|| {
                let known = codes.map(|code| format!("`{}`", crate::view::http_error(code)));
                format!("`{error}` is none of {}", known.join(", "))
            })?;
            Err(HttpError::new(code, message))
        }
    };
    Ok(encode(&answer))
}
