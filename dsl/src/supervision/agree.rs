//! What supervisors and their children say of ends and restarts, held against each other. What was not
//! read, and what may be meant by it, is no reason for another fault.

use theater_flow_kernel::plan::{AutoShutdown, Child, Restart, Restore, Strategy, Supervisor};

use super::order;
use crate::assemble;
use crate::codes;
use crate::fault::{Fault, list};
use crate::notes::Notes;
use crate::scopes::Scopes;
use crate::span::{At, Span};
use crate::spec::{AgentSpec, Spec, SupervisorSpec};
use crate::spec_file::ROOT;
use crate::spec_restart::Significant;

/// Reports keys of supervisors and of their children that do not go together.
pub(super) fn check(scopes: &Scopes<'_>, plan: &[Supervisor], notes: &mut Notes<'_>) {
    let tree = Tree::new(scopes, plan);
    if let Some(root) = tree.supervisors.first().filter(|_| tree.has_root) {
        check_root(root.own, notes);
    }
    for member in tree.agents.iter().map(|agent| agent.member).chain(tree.members()) {
        check_restart(member, notes);
    }
    for at in 0..tree.supervisors.len() {
        tree.check_children(at, notes);
        tree.check_auto_shutdown(at, notes);
    }
    tree.check_groups(notes);
}

/// The tree of the plan with what the files say of it, by id.
struct Tree<'s> {
    supervisors: Vec<Knot<'s>>,
    agents: Vec<Leaf<'s>>,
    /// The first supervisor has none above it.
    has_root: bool,
}

/// A supervisor.
struct Knot<'s> {
    own: &'s SupervisorSpec,
    plan: &'s Supervisor,
    member: Member<'s>,
    /// There was a fault in its keys, or in what it takes from the defaults.
    unclear: bool,
    /// All its children are known.
    whole: bool,
    above: Option<usize>,
}

/// An agent.
#[derive(Clone, Copy)]
struct Leaf<'s> {
    member: Member<'s>,
    /// It begins anew, or nobody knows.
    fresh: bool,
    above: Option<usize>,
}

/// What an agent and a supervisor have in common: they are somebody's children.
#[derive(Clone, Copy)]
struct Member<'s> {
    what: &'static str,
    name: &'s At<String>,
    significant: Significant,
    /// `None` after a fault.
    restart: Option<Restart>,
    /// Where it says that itself.
    restart_at: Option<Span>,
}

impl Member<'_> {
    /// As messages call it. The pipeline's own root is nobody's child.
    fn called(self) -> String {
        match (self.what, self.name.value.as_str()) {
            ("supervisor", ROOT) => "the module's root".to_owned(),
            (what, name) => format!("{what} `{name}`"),
        }
    }
}

impl<'s> Tree<'s> {
    fn new(scopes: &Scopes<'s>, plan: &'s [Supervisor]) -> Self {
        let (mut supervisors, mut agents) = (Vec::new(), Vec::new());
        for at in 0..scopes.all.len() {
            let spec = &scopes.unit(at).spec;
            let own = order(&spec.supervisors).into_iter().zip(plan.iter().skip(supervisors.len()));
            supervisors.extend(own.map(|(own, plan)| knot(own, plan, spec)));
            agents.extend(spec.agents.iter().map(|own| leaf(own, spec)));
        }
        let is_module = scopes.unit(0).spec.module.is_some();
        let mut tree = Self { supervisors, agents, has_root: !is_module };
        for (at, supervisor) in plan.iter().enumerate() {
            for child in &supervisor.children {
                match child {
                    Child::Agent(id) => tree.agents[id.index()].above = Some(at),
                    Child::Supervisor(id) => tree.supervisors[id.index()].above = Some(at),
                }
            }
        }
        tree
    }

    /// The supervisors that have one above them.
    fn members(&self) -> impl Iterator<Item = Member<'s>> + '_ {
        let below_root = self.supervisors.iter().skip(usize::from(self.has_root));
        below_root.map(|knot| knot.member)
    }

    fn children(&self, at: usize) -> impl Iterator<Item = Member<'s>> + '_ {
        let children = self.supervisors[at].plan.children.iter();
        children.map(|child| match child {
            Child::Agent(id) => self.agents[id.index()].member,
            Child::Supervisor(id) => self.supervisors[id.index()].member,
        })
    }

    /// A significant child counts only where its supervisor shuts itself down.
    fn check_children(&self, at: usize, notes: &mut Notes<'_>) {
        let Knot { own, plan, unclear, .. } = &self.supervisors[at];
        if plan.auto_shutdown != AutoShutdown::Never || *unclear {
            return;
        }
        let said = own.habits.auto_shutdown.map_or(own.name.span, |said| said.span);
        let significant = |child: Member<'_>| Some((child.called(), child.significant.span()?));
        for (child, span) in self.children(at).filter_map(significant) {
            let message =
                format!("{child} is significant, but `{}` never shuts itself down", own.name.value);
            let fault = Fault::new(codes::SIGNIFICANT, message).label(span, "to whom?");
            let help = format!(
                "write auto_shutdown = \"any-significant\" or \"all-significant\" below \
                 [supervisors.{}], or take `significant` out",
                own.name.value
            );
            notes.fault(fault.label(said, "its supervisor").help(help));
        }
    }

    /// Who shuts itself down needs to know when, and should then be over.
    fn check_auto_shutdown(&self, at: usize, notes: &mut Notes<'_>) {
        let Knot { own, plan, unclear, whole, member, .. } = &self.supervisors[at];
        let own_word = own.habits.auto_shutdown.map(|said| said.span);
        if plan.auto_shutdown == AutoShutdown::Never || *unclear || !whole {
            return;
        }
        let name = &own.name.value;
        if self.children(at).all(|child| child.significant == Significant::No) {
            // What stands in the defaults is for those that have such children.
            let Some(span) = own_word else { return };
            let message =
                format!("`{name}` has no significant child, so it never shuts itself down");
            let fault = Fault::new(codes::NOBODY_SIGNIFICANT, message).warning();
            let help = "write significant = true at the children whose end is also its own";
            notes.fault(fault.label(span, "with whom?").help(help));
        } else if member.restart == Some(Restart::Permanent) && !(at == 0 && self.has_root) {
            let message = format!("`{name}` shuts itself down, and is started again");
            let fault = Fault::new(codes::COMES_BACK, message).warning();
            let fault = fault.label(own_word.unwrap_or(own.name.span), "it shuts itself down");
            let fault = match member.restart_at {
                Some(span) => fault.label(span, "and is started again"),
                None => fault,
            };
            notes.fault(fault.help(format!(
                "write restart = \"transient\" below [supervisors.{name}]: then it is over once it has ended"
            )));
        }
    }

    /// A group is restarted to begin anew; if every agent of it gets its state back, so does what was wrong
    /// with it.
    fn check_groups(&self, notes: &mut Notes<'_>) {
        let (mut peopled, mut fresh) =
            (vec![false; self.supervisors.len()], vec![false; self.supervisors.len()]);
        for agent in &self.agents {
            self.mark(agent.above, &mut peopled);
            if agent.fresh {
                self.mark(agent.above, &mut fresh);
            }
        }
        for (at, _) in self.supervisors.iter().enumerate().filter(|(_, knot)| !knot.whole) {
            self.mark(Some(at), &mut fresh);
        }
        for (at, Knot { own, plan, unclear, .. }) in self.supervisors.iter().enumerate() {
            let is_group = plan.strategy != Strategy::OneForOne;
            if !is_group || fresh[at] || !peopled[at] || *unclear {
                continue;
            }
            let message =
                format!("each agent of `{}` comes back with the state it had", own.name.value);
            let fault = Fault::new(codes::GROUP_RESTORED, message).warning();
            let strategy = own.habits.strategy.map_or(own.name.span, |said| said.span);
            let help = "write restore = \"fresh\" at an agent that is to begin anew with the others, or take \
                        `strategy` out if each can be restarted alone";
            notes.fault(fault.label(strategy, "they are restarted together").help(help));
        }
    }

    /// Marks a supervisor and all above it. What is marked has its marks above already, so that a circle has
    /// an end too.
    fn mark(&self, from: Option<usize>, marks: &mut [bool]) {
        let mut next = from;
        while let Some(at) = next.filter(|at| !marks[*at]) {
            marks[at] = true;
            next = self.supervisors[at].above;
        }
    }
}

fn knot<'s>(own: &'s SupervisorSpec, plan: &'s Supervisor, spec: &'s Spec) -> Knot<'s> {
    let (habits, usual) = (&own.habits, &spec.default_supervisor);
    let unclear = habits.unclear || usual.unclear;
    let member = Member {
        what: "supervisor",
        name: &own.name,
        significant: own.significant,
        restart: (!unclear).then_some(plan.restart),
        restart_at: habits.restart.map(|said| said.span),
    };
    let whole = !own.unclear && plan.children.len() == own.children.len();
    Knot { own, plan, member, unclear, whole, above: None }
}

fn leaf<'s>(own: &'s AgentSpec, spec: &'s Spec) -> Leaf<'s> {
    let (habits, usual) = (&own.habits, &spec.default_agent);
    let unclear = habits.unclear || usual.unclear;
    let restore = habits.restore.or(usual.restore);
    let member = Member {
        what: "agent",
        name: &own.name,
        significant: own.significant,
        restart: (!unclear).then(|| assemble::restart(habits, usual)),
        restart_at: habits.restart.map(|said| said.span),
    };
    Leaf { member, fresh: unclear || restore == Some(Restore::Fresh), above: None }
}

/// What always comes back never ends by itself.
fn check_restart(member: Member<'_>, notes: &mut Notes<'_>) {
    let (Some(span), Some(Restart::Permanent)) = (member.significant.span(), member.restart) else {
        return;
    };
    let Member { what, restart_at, .. } = member;
    let message = format!("{} is significant, and always started again", member.called());
    let fault = Fault::new(codes::SIGNIFICANT, message).label(span, "its end is never its last");
    let fault = match restart_at {
        Some(span) => fault.label(span, "because of this"),
        None => fault,
    };
    let usual = if what == "supervisor" { ": a supervisor is permanent by default" } else { "" };
    notes.fault(fault.help(format!(
        "write restart = \"transient\" or \"temporary\" at it, or take `significant` out{usual}"
    )));
}

/// The root is nobody's child.
fn check_root(root: &SupervisorSpec, notes: &mut Notes<'_>) {
    let habits = &root.habits;
    let said = [
        ("restart", habits.restart.map(|said| said.span)),
        ("shutdown", habits.shutdown.map(|said| said.span)),
        ("significant", root.significant.span()),
    ];
    let said: Vec<(&str, Span)> =
        said.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
    if said.is_empty() {
        return;
    }
    let keys: Vec<&str> = said.iter().map(|(key, _)| *key).collect();
    let verb = if keys.len() > 1 { "mean" } else { "means" };
    let message = format!("{} {verb} nothing at the root", list(&keys));
    let fault = Fault::new(codes::ABOVE_ROOT, message);
    let fault = said.iter().fold(fault, |fault, (_, span)| fault.label(*span, "to whom?"));
    notes.fault(fault.help(
        "take it out: nothing stands above the root, and when it gives up the run has failed",
    ));
}
