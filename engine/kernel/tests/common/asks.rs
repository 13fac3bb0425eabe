//! What the simulated world does with what guests ask.

use theater_flow_kernel::http::{Answer, HttpError, Request, Response};
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::Person;
use theater_flow_kernel::state::{Asking, Stand};

use super::sim::Sim;

impl Sim {
    fn askings(&self) -> impl Iterator<Item = (AgentId, &Asking)> {
        let agents = self.state.plan.agents.iter();
        agents.filter_map(|agent| Some((agent.id, self.state.agent(agent.id).asking.as_ref()?)))
    }

    /// Makes a request that is durable and was not made by this process. False if there is none.
    pub(super) fn ask(&mut self) -> bool {
        let durable = self.flushed as u64;
        let open = self.askings().find_map(|(id, asking)| match asking.stand {
            Stand::Open { after } if after < durable && !self.asked.contains(&(id, after)) => {
                Some((id, after, asking.clone()))
            }
            _ => None,
        });
        let Some((agent, after, asking)) = open else { return false };
        self.asked.insert((agent, after));
        let key = asking.intent().expect("it is one").key.clone();
        let request: Request = postcard::from_bytes(asking.args().expect("args")).expect("ours");
        let mut outside = self.outside.lock().expect("one thread");
        outside.requests.push(key.clone());
        let body = [b"re ", &request.body[..]].concat();
        let answer: Answer = match outside.breaks {
            None => Ok(Response { status: 200, headers: Vec::new(), body }),
            Some(code) => Err(HttpError::new(code, "no whole response")),
        };
        let (broke, intent) = (outside.breaks.is_some(), asking.intent.seq);
        drop(outside);
        let answer = Bytes::from(postcard::to_allocvec(&answer).expect("plain data"));
        self.answers.push(if broke {
            Input::Unanswered { agent, intent, error: answer }
        } else {
            Input::Answered { agent, intent, answer }
        });
        true
    }

    pub(super) fn answer(&mut self) {
        let nth = self.rng.below(self.answers.len());
        let answer = self.answers.remove(nth);
        self.input(answer);
    }

    /// Somebody decides about an ask that waits for that. False if there is none.
    pub(super) fn approve(&mut self) -> bool {
        let held = self.askings().find(|(_, asking)| asking.is_held());
        let Some(intent) = held.map(|(_, asking)| asking.intent.seq) else { return false };
        let repeat = self.rng.one_in(2);
        let by = Person { uid: 7, name: None };
        self.input(Input::Decided { intent, repeat, by });
        true
    }
}
