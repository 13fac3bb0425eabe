//! From one plan to the next: who keeps which id, what differs, and what gives more than there was.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::http::{HttpGrant, OnUnknown, Scheme};
use theater_flow_kernel::ids::{AgentId, Digest, PortId, SupervisorId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    Agent, Child, Grants, OnDelete, OnStateMismatch, Overflow, Plan, Restart, Restore, Root,
    Shutdown, Strategy,
};
use theater_flow_kernel::record::Counts;
use theater_flow_kernel::reload::{Course, Kind as Change, Why, adopt, diff, widenings};
use theater_flow_kernel::types::Type;

use crate::common::Rng;
use crate::common::guests::Kind;
use crate::common::plans::{Build, supervisor};

/// What a file would say: by name of an agent, whom it reads and below whom it stands.
#[derive(Clone, Default, Debug)]
struct Sketch(BTreeMap<String, (Vec<String>, usize)>);

/// Supervisors below the root.
const GROUPS: usize = 3;

impl Sketch {
    /// Somebody comes, goes, reads otherwise or moves.
    fn edit(&mut self, rng: &mut Rng) {
        let name = format!("n{}", rng.below(8));
        let others: Vec<String> = self.0.keys().filter(|other| **other < name).cloned().collect();
        let reads = others.into_iter().filter(|_| rng.one_in(2)).collect();
        if rng.one_in(3) {
            self.0.remove(&name);
            self.0.values_mut().for_each(|(reads, _)| reads.retain(|other| *other != name));
        } else {
            self.0.insert(name, (reads, rng.below(GROUPS)));
        }
    }

    /// The plan that a compiler makes of it, its agents in some order.
    fn plan(&self, rng: &mut Rng) -> Plan {
        let mut build = Build::new();
        let mut names: Vec<&String> = self.0.keys().collect();
        for at in (1..names.len()).rev() {
            names.swap(at, rng.below(at + 1));
        }
        let ids: BTreeMap<&String, AgentId> = names
            .into_iter()
            .map(|name| (name, build.add(name, Kind::Pass, &["in"], &["out"])))
            .collect();
        let mut below = vec![vec![]; GROUPS];
        for (name, (reads, group)) in &self.0 {
            for other in reads {
                build.wire((ids[other], 0), (ids[name], 0));
            }
            below[*group].push(Child::Agent(ids[name]));
        }
        // A group without agents is not there.
        let groups = below.into_iter().enumerate().filter(|(_, children)| !children.is_empty());
        let mut all = vec![supervisor(0, Strategy::OneForOne, vec![])];
        for (group, children) in groups {
            let id = u32::try_from(all.len()).expect("few");
            let mut one = supervisor(id, Strategy::OneForOne, children);
            one.name = format!("g{group}");
            all[0].children.push(Child::Supervisor(SupervisorId(id)));
            all.push(one);
        }
        build.supervisors(all);
        Plan::clone(&build.done().0)
    }
}

/// Checks that a plan holds together.
fn is_sound(plan: &Plan) {
    let mut edges = BTreeSet::new();
    let mut back = BTreeSet::new();
    for (nth, agent) in plan.agents.iter().enumerate() {
        assert_eq!(agent.id.index(), nth, "an id is a position");
        for input in &agent.inputs {
            edges.extend(input.from.iter().map(|from| (*from, input.port)));
        }
        for output in &agent.outputs {
            back.extend(output.readers.iter().map(|reader| (output.port, *reader)));
        }
    }
    assert_eq!(edges, back, "readers and what they read agree");
    let present: BTreeSet<PortId> = plan
        .present()
        .flat_map(|agent| {
            agent.inputs.iter().map(|port| port.port).chain(agent.outputs.iter().map(|p| p.port))
        })
        .collect();
    assert!(edges.iter().all(|(from, to)| present.contains(from) && present.contains(to)));
    assert!(present.iter().all(|port| port.0 < plan.ports_given()));
    let mut children: Vec<Child> =
        plan.supervisors.iter().flat_map(|supervisor| supervisor.children.clone()).collect();
    let mut expected: Vec<Child> = plan.present().map(|agent| Child::Agent(agent.id)).collect();
    let below = plan.present_supervisors().filter(|supervisor| supervisor.id.0 > 0);
    expected.extend(below.map(|supervisor| Child::Supervisor(supervisor.id)));
    let key = |child: &Child| match child {
        Child::Agent(id) => (0, id.0),
        Child::Supervisor(id) => (1, id.0),
    };
    children.sort_unstable_by_key(key);
    expected.sort_unstable_by_key(key);
    assert_eq!(children, expected, "everybody who is there stands below one supervisor");
}

#[test]
fn who_stays_keeps_the_id_and_nobody_gets_another_ones() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut sketch = Sketch::default();
        (0..6).for_each(|_| sketch.edit(&mut rng));
        let mut plan = sketch.plan(&mut rng);
        let (mut agents, mut ports) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..20 {
            let before = sketch.clone();
            (0..=rng.below(4)).for_each(|_| sketch.edit(&mut rng));
            let old = plan;
            plan = adopt(&old, sketch.plan(&mut rng));
            is_sound(&plan);
            assert!(plan == adopt(&plan, plan.clone()), "it follows itself");
            assert!(
                diff(&plan, &adopt(&plan, sketch.plan(&mut rng))).is_empty(),
                "order is no difference"
            );
            for agent in plan.present() {
                let known = old.named(&agent.name).map(|known| known.id);
                assert_eq!(known.is_some(), before.0.contains_key(&agent.name));
                assert!(known.is_none_or(|known| known == agent.id), "{}", agent.name);
                let born = agents.entry(agent.id).or_insert_with(|| agent.name.clone());
                assert_eq!(*born, agent.name, "an id is one agent's for ever");
                for port in [agent.inputs[0].port, agent.outputs[0].port] {
                    assert_eq!(*ports.entry(port).or_insert(agent.id), agent.id);
                }
            }
            let back = adopt(&plan, old.clone());
            is_sound(&back);
            assert!(diff(&back, &adopt(&back, old.clone())).is_empty(), "and back again");
            let changes = diff(&old, &plan);
            let name = |kind: &Change| {
                let some = changes.all.iter().filter(|change| change.kind == *kind);
                some.map(|change| change.name.clone()).collect::<Vec<_>>()
            };
            let not_in = |one: &Sketch, other: &Sketch| {
                one.0
                    .keys()
                    .filter(|name| !other.0.contains_key(*name))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(name(&Change::Start), not_in(&sketch, &before));
            assert_eq!(name(&Change::Stop), not_in(&before, &sketch));
            let both =
                sketch.0.iter().filter_map(|(name, now)| Some((name, before.0.get(name)?, now)));
            let rewired = both.filter(|(_, before, now)| before.0 != now.0);
            assert_eq!(
                name(&Change::Rewire),
                rewired.map(|(name, ..)| name.clone()).collect::<Vec<_>>()
            );
        }
    }
}

/// Two agents in a row, to be changed.
fn pair() -> Plan {
    let mut build = Build::chain(3, &[Kind::Pass]);
    build.agent(1).grants = Grants::default();
    Plan::clone(&build.done().0)
}

/// How the second agent differs after `edit`.
fn differs(edit: impl FnOnce(&mut Agent)) -> Vec<Change> {
    let old = pair();
    let mut new = old.clone();
    edit(&mut new.agents[1]);
    let changes = diff(&old, &adopt(&old, new));
    assert!(changes.all.iter().all(|change| change.name == "a0"), "{changes:?}");
    changes.all.into_iter().map(|change| change.kind).collect()
}

#[test]
fn each_difference_has_its_name() {
    let replace = |why| vec![Change::Replace(vec![why])];
    assert_eq!(differs(|_| {}), []);
    assert_eq!(differs(|agent| agent.component = Digest::of(b"other")), replace(Why::Component));
    assert_eq!(differs(|agent| agent.config = String::from("[]")), replace(Why::Config));
    assert_eq!(differs(|agent| agent.outputs.clear()), replace(Why::Ports));
    assert_eq!(differs(|agent| agent.actor = String::from("elsewhere.wasm")), []);
    assert_eq!(differs(|agent| agent.grants.clock = true), [Change::Regrant]);
    assert_eq!(differs(|agent| agent.limits.fuel -= 1), [Change::Retune(vec!["limits"])]);
    assert_eq!(differs(|agent| agent.timeout_ms -= 1), [Change::Retune(vec!["timeout"])]);
    assert_eq!(differs(|agent| agent.retry.max += 1), [Change::Retune(vec!["retry"])]);
    assert_eq!(differs(|agent| agent.outputs[0].capacity += 1), [Change::Retune(vec!["channels"])]);
    let fail = |agent: &mut Agent| agent.outputs[0].overflow = Overflow::Fail;
    assert_eq!(differs(fail), [Change::Retune(vec!["channels"])]);
    let supervise = |key| vec![Change::Supervise(vec![key])];
    assert_eq!(differs(|agent| agent.restart = Restart::Permanent), supervise("restart"));
    assert_eq!(differs(|agent| agent.restore = Restore::Fresh), supervise("restore"));
    assert_eq!(differs(|agent| agent.shutdown = Shutdown::Infinity), supervise("shutdown"));
    assert_eq!(differs(|agent| agent.significant = true), supervise("significant"));
}

#[test]
fn other_rules_are_a_change_that_moves_nobody() {
    let old = pair();
    let mut new = old.clone();
    new.reload.on_state_mismatch = OnStateMismatch::Fresh;
    new.reload.on_delete = OnDelete::Keep;
    let changes = diff(&old, &adopt(&old, new));
    let kinds: Vec<_> = changes.all.iter().map(|change| change.kind.clone()).collect();
    assert_eq!(kinds, [Change::Rules(vec!["on_state_mismatch", "on_delete"])]);
    assert_eq!(changes.counts(), Counts { added: 0, changed: 1, removed: 0 });
    let line = "~ [reload]: rules (on_state_mismatch, on_delete)\n";
    assert_eq!(changes.to_string(), line);
    assert_eq!(Course::of(&old, &changes), Course::default());
    assert!(changes.widenings.is_empty());
}

#[test]
fn a_type_is_another_by_its_values_and_not_by_its_name() {
    let old = pair();
    let mut new = old.clone();
    new.types = theater_flow_kernel::types::TypeTable::default();
    // The same type at another place in another table, and with a name.
    new.types.intern(Type::Bool);
    let json = new.types.intern(Type::Json);
    new.types.name(json, String::from("Anything"));
    let ports = |plan: &mut Plan, ty| {
        for agent in &mut plan.agents {
            agent.inputs.iter_mut().for_each(|port| port.ty = ty);
            agent.outputs.iter_mut().for_each(|port| port.ty = ty);
        }
    };
    ports(&mut new, json);
    assert!(diff(&old, &adopt(&old, new.clone())).is_empty());
    let list = new.types.intern(Type::List(json));
    ports(&mut new, list);
    let changes = diff(&old, &adopt(&old, new));
    let kinds: Vec<_> = changes.all.into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [Change::Replace(vec![Why::Ports]), Change::Replace(vec![Why::Ports])]);
}

fn http() -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Https,
        host: String::from("api.example.com"),
        port: 443,
        methods: vec![String::from("GET"), String::from("POST")],
        paths: vec![String::from("/v1/"), String::from("/status")],
        local: false,
        redirects: 2,
        timeout_ms: 1_000,
        max_body: 1_000,
        on_unknown: Some(OnUnknown::Ask),
    }
}

/// What the second agent may do more after `edit`, both ways: by what it is said to be wider.
fn wider(edit: impl FnOnce(&mut Agent)) -> (Vec<String>, Vec<String>) {
    let mut old = pair();
    let root = |name: &str| Root { name: name.into(), path: format!("/abs/{name}") };
    let agent = &mut old.agents[1];
    agent.grants.read = vec![root("data")];
    agent.grants.write = vec![root("out")];
    agent.grants.http = vec![http()];
    let mut new = old.clone();
    edit(&mut new.agents[1]);
    let what = |old: &Plan, new: &Plan| {
        widenings(old, new).into_iter().map(|widening| widening.what).collect::<Vec<_>>()
    };
    (what(&old, &new), what(&new, &old))
}

#[test]
fn whatever_gives_more_is_named_and_what_gives_less_is_not() {
    type Edit = Box<dyn Fn(&mut Agent)>;
    let root = |path: &str| Root { name: path.into(), path: path.into() };
    let more: Vec<(&str, Edit)> = vec![
        ("grants.clock", Box::new(|agent| agent.grants.clock = true)),
        ("grants.random", Box::new(|agent| agent.grants.random = true)),
        ("grants.timer", Box::new(|agent| agent.grants.timer = true)),
        ("grants.stdin", Box::new(|agent| agent.grants.stdin = true)),
        ("grants.stdout", Box::new(|agent| agent.grants.stdout = true)),
        ("grants.files.read", Box::new(move |agent| agent.grants.read.push(root("/etc")))),
        ("grants.files.write", Box::new(move |agent| agent.grants.write.push(root("/etc")))),
        ("grants.http", Box::new(|agent| agent.grants.http[0].methods.push("PUT".into()))),
        ("grants.http", Box::new(|agent| agent.grants.http[0].paths.push("/v2/".into()))),
        ("grants.http", Box::new(|agent| agent.grants.http[0].paths[0] = "/".into())),
        ("grants.http", Box::new(|agent| agent.grants.http[0].local = true)),
        ("grants.http", Box::new(|agent| agent.grants.http[0].redirects += 1)),
        ("grants.http", Box::new(|agent| agent.grants.http[0].timeout_ms += 1)),
        ("grants.http", Box::new(|agent| agent.grants.http[0].max_body += 1)),
        ("grants.http", Box::new(|agent| agent.grants.http[0].on_unknown = Some(OnUnknown::Retry))),
        ("limits.memory", Box::new(|agent| agent.limits.memory += 1)),
        ("limits.fuel", Box::new(|agent| agent.limits.fuel += 1)),
        ("timeout", Box::new(|agent| agent.timeout_ms += 1)),
    ];
    for (nth, (what, edit)) in more.into_iter().enumerate() {
        let (there, back) = wider(|agent| edit(agent));
        assert_eq!(there, [what], "{nth}");
        assert!(back.is_empty(), "{nth}: {back:?}");
    }
}

#[test]
fn what_is_neither_more_nor_less_is_taken_to_be_more() {
    let other: [fn(&mut Agent); 9] = [
        |agent| agent.grants.read[0].path = "/abs".into(),
        |agent| agent.grants.write[0].path = "/".into(),
        // It may be a link to elsewhere.
        |agent| agent.grants.read[0].path.push_str("/below"),
        |agent| agent.grants.http[0].host = "evil.example.com".into(),
        |agent| agent.grants.http[0].port = 8443,
        |agent| agent.grants.http[0].scheme = Scheme::Http,
        |agent| agent.grants.read[0].path = "/abs/data2".into(),
        |agent| agent.grants.read[0].path = "/abs/data/../secret".into(),
        // Of two that fit, the first counts.
        |agent| {
            let careful = HttpGrant { methods: vec!["GET".into()], ..http() };
            agent.grants.http.insert(0, careful);
        },
    ];
    for (nth, edit) in other.into_iter().enumerate() {
        assert_eq!(wider(edit).0.len(), 1, "{nth}");
    }
}

/// An entry that fits first hides one behind it that gives more.
#[test]
fn a_narrower_entry_that_uncovers_another_is_more() {
    let lax = HttpGrant { methods: vec!["POST".into()], local: true, ..http() };
    let two = |first: &[&str]| {
        let methods = first.iter().map(|method| String::from(*method)).collect();
        vec![HttpGrant { methods, ..http() }, lax.clone()]
    };
    let (mut old, mut new) = (pair(), pair());
    old.agents[1].grants.http = two(&["GET", "POST"]);
    new.agents[1].grants.http = two(&["GET"]);
    assert_eq!(widenings(&old, &new).len(), 1);
    new.agents[1].grants.http = two(&["GET", "POST"])[..1].to_vec();
    assert_eq!(widenings(&old, &new), []);
}

#[test]
fn who_is_new_is_granted_all_that_it_has_and_a_secret_is_more() {
    let old = pair();
    let mut new = old.clone();
    new.agents[1].name = String::from("other");
    new.agents[1].grants.clock = true;
    new.secrets.push(String::from("KEY"));
    let new = adopt(&old, new);
    let said: Vec<(String, String)> =
        widenings(&old, &new).into_iter().map(|one| (one.agent, one.what)).collect();
    let expected = [("", "secret KEY"), ("other", "grants.clock")];
    assert_eq!(said, expected.map(|(agent, what)| (agent.into(), what.into())));
}

/// Another name is no way to higher limits.
#[test]
fn who_is_new_has_no_more_than_everybody_unless_that_is_approved() {
    let old = pair();
    let mut new = old.clone();
    new.agents[1].name = "other".into();
    new.agents[1].grants = Grants::default();
    let what = |new: &Plan| -> Vec<String> {
        widenings(&old, &adopt(&old, new.clone())).into_iter().map(|one| one.what).collect()
    };
    assert_eq!(what(&new), [""; 0]);
    new.agents[1].limits.memory = limits::MEMORY_BYTES + 1;
    new.agents[1].limits.fuel = limits::FUEL + 1;
    new.agents[1].timeout_ms = limits::TIMEOUT_MS + 1;
    assert_eq!(what(&new), ["limits.fuel", "limits.memory", "timeout"]);
}
