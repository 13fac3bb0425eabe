//! Agents that feed back into one another.

use alloc::vec;
use alloc::vec::Vec;

use super::routes::InputRoute;
use crate::ids::AgentId;

/// The strongly connected agents that a feedback edge holds together, by id; the cycles in the order of their
/// first agents. `inputs` is by agent. Kosaraju's two searches, without recursion: a chain may be as long
/// as the file.
pub(super) fn cycles(inputs: &[Vec<InputRoute>]) -> Vec<Vec<AgentId>> {
    if inputs.iter().flatten().all(|input| input.feedback.is_empty()) {
        return Vec::new();
    }
    let mut back = vec![Vec::new(); inputs.len()];
    let mut forth = vec![Vec::new(); inputs.len()];
    for (to, routes) in inputs.iter().enumerate() {
        for from in routes.iter().flat_map(|input| input.producers.iter().chain(&input.feedback)) {
            back[to].push(from.index());
            forth[from.index()].push(to);
        }
    }
    let mut component = vec![None; inputs.len()];
    for root in finishing_order(&forth).into_iter().rev() {
        let mut stack = vec![root];
        while let Some(at) = stack.pop() {
            if component[at].is_none() {
                component[at] = Some(root);
                stack.extend(&back[at]);
            }
        }
    }
    let mut members = vec![Vec::new(); inputs.len()];
    for (agent, root) in (0_u32..).zip(&component) {
        if let Some(root) = *root {
            members[root].push(AgentId(agent));
        }
    }
    let holds = |members: &Vec<AgentId>| {
        members.iter().any(|to| {
            let mut feedback = inputs[to.index()].iter().flat_map(|input| &input.feedback);
            feedback.any(|from| component[from.index()] == component[to.index()])
        })
    };
    let mut cycles: Vec<Vec<AgentId>> = members.into_iter().filter(holds).collect();
    cycles.sort_unstable();
    cycles
}

/// All nodes, each after those that were first reached from it.
fn finishing_order(forth: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; forth.len()];
    let mut order = Vec::with_capacity(forth.len());
    for start in 0..forth.len() {
        let mut stack = vec![(start, 0)];
        while let Some((at, nth)) = stack.pop() {
            if nth == 0 && core::mem::replace(&mut seen[at], true) {
                continue;
            }
            match forth[at].get(nth) {
                Some(next) => stack.extend([(at, nth + 1), (*next, 0)]),
                None => order.push(at),
            }
        }
    }
    order
}
