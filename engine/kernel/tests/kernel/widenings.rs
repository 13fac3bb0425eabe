//! Every field of what is granted, made wider and narrower: what gives more is named, and what gives less is not. The
//! fields are taken from the types, so that a new one cannot be forgotten here.

use theater_flow_kernel::http::{HttpGrant, OnUnknown, Scheme};
use theater_flow_kernel::plan::{Agent, Grants, GuestLimits, Plan, Root};
use theater_flow_kernel::reload::{adopt, diff, widenings};

use crate::common::Rng;
use crate::common::guests::Kind;
use crate::common::plans::Build;

/// A change of an agent, and by what it is named if it gives more.
type Edit = (&'static str, Box<dyn Fn(&mut Agent)>);

fn edit(what: &'static str, edit: impl Fn(&mut Agent) + 'static) -> Edit {
    (what, Box::new(edit))
}

fn root(path: &str) -> Root {
    Root { name: String::from("here"), path: String::from(path) }
}

/// Something between nothing and [`widest`], each field by itself.
fn some(rng: &mut Rng) -> Agent {
    let mut agent = plan().agents[1].clone();
    let roots = [vec![], vec![root("/data/in")], vec![root("/data/in"), root("/data/out/")]];
    let Grants { clock, random, timer, stdin, stdout, read, write, http } = &mut agent.grants;
    for flag in [clock, random, timer, stdin, stdout] {
        *flag = rng.one_in(2);
    }
    read.clone_from(&roots[rng.below(3)]);
    write.clone_from(&roots[rng.below(3)]);
    let names = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect::<Vec<_>>();
    // What nothing means depends on the method: that is never taken for less.
    let unknown = [Some(OnUnknown::Ask), Some(OnUnknown::Fail)];
    *http = vec![HttpGrant {
        scheme: Scheme::Https,
        host: String::from("a.test"),
        port: 443,
        methods: names([&["GET"][..], &["GET", "PUT"]][rng.below(2)]),
        paths: names([&["/v1/x"][..], &["/v1/"], &["/v1/", "/w"]][rng.below(3)]),
        local: rng.one_in(2),
        redirects: u32::from(rng.one_in(2)),
        timeout_ms: 1_000 + rng.below(9) as u64,
        max_body: 1_000 + rng.below(9) as u64,
        on_unknown: unknown[rng.below(2)],
    }];
    agent.timeout_ms = 1_000 + rng.below(9) as u64;
    agent.limits = GuestLimits { memory: 1 << 20, fuel: 1_000 + rng.below(9) as u64 };
    agent
}

/// Each field of the grants as wide as it can be. Others than these give nothing.
fn edits() -> Vec<Edit> {
    let mut widest = plan().agents[1].clone();
    let all = vec![root("/")];
    widest.grants = Grants {
        clock: true,
        random: true,
        timer: true,
        stdin: true,
        stdout: true,
        read: all.clone(),
        write: all,
        http: vec![],
    };
    let Agent { grants, timeout_ms, limits, .. } = {
        // A new field is to be looked at here.
        let Agent {
            id: _,
            name: _,
            actor: _,
            component: _,
            config: _,
            grants: _,
            inputs: _,
            outputs: _,
            restart: _,
            restore: _,
            retry: _,
            timeout_ms: _,
            limits: _,
            stateless: _,
            shutdown: _,
            significant: _,
        } = &widest;
        Agent {
            timeout_ms: u64::MAX,
            limits: GuestLimits { memory: u64::MAX, fuel: u64::MAX },
            ..widest
        }
    };
    let Grants { clock, random, timer, stdin, stdout, read, write, http: _ } = grants;
    let GuestLimits { memory, fuel } = limits;
    let mut edits = vec![
        edit("grants.clock", move |agent| agent.grants.clock = clock),
        edit("grants.random", move |agent| agent.grants.random = random),
        edit("grants.timer", move |agent| agent.grants.timer = timer),
        edit("grants.stdin", move |agent| agent.grants.stdin = stdin),
        edit("grants.stdout", move |agent| agent.grants.stdout = stdout),
        edit("grants.files.read", move |agent| add(&mut agent.grants.read, &read)),
        edit("grants.files.write", move |agent| add(&mut agent.grants.write, &write)),
        edit("timeout", move |agent| agent.timeout_ms = timeout_ms),
        edit("limits.memory", move |agent| agent.limits.memory = memory),
        edit("limits.fuel", move |agent| agent.limits.fuel = fuel),
    ];
    edits.extend(http_edits());
    edits
}

/// Adds the roots that are not there.
fn add(roots: &mut Vec<Root>, more: &[Root]) {
    for root in more {
        if roots.iter().all(|other| other.path != root.path) {
            roots.push(root.clone());
        }
    }
}

/// The same of a request's grant. Another place is not more than the one before, but it is not less.
fn http_edits() -> Vec<Edit> {
    let names = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect::<Vec<_>>();
    let HttpGrant {
        scheme: _,
        host: _,
        port: _,
        methods,
        paths,
        local,
        redirects,
        timeout_ms,
        max_body,
        on_unknown,
    } = HttpGrant {
        scheme: Scheme::Http,
        host: String::from("b.test"),
        port: 1,
        methods: names(&["GET", "PUT", "DELETE"]),
        paths: names(&["/"]),
        local: true,
        redirects: u32::MAX,
        timeout_ms: u64::MAX,
        max_body: u64::MAX,
        on_unknown: Some(OnUnknown::Retry),
    };
    let what = "grants.http";
    vec![
        edit(what, move |agent| agent.grants.http[0].methods.clone_from(&methods)),
        edit(what, move |agent| agent.grants.http[0].paths.clone_from(&paths)),
        edit(what, move |agent| agent.grants.http[0].local = local),
        edit(what, move |agent| agent.grants.http[0].redirects = redirects),
        edit(what, move |agent| agent.grants.http[0].timeout_ms = timeout_ms),
        edit(what, move |agent| agent.grants.http[0].max_body = max_body),
        edit(what, move |agent| agent.grants.http[0].on_unknown = on_unknown),
        edit(what, move |agent| {
            let more = agent.grants.http[0].clone();
            agent.grants.http.push(HttpGrant { host: String::from("b.test"), ..more });
        }),
    ]
}

/// Two agents in a row.
fn plan() -> Plan {
    Plan::clone(&Build::chain(3, &[Kind::Pass]).done().0)
}

/// What one has that the other has not.
fn wider(old: &Agent, new: &Agent) -> Vec<String> {
    let (mut before, mut after) = (plan(), plan());
    before.agents[1] = old.clone();
    after.agents[1] = new.clone();
    let after = adopt(&before, after);
    let said = widenings(&before, &after);
    assert_eq!(diff(&before, &after).widenings, said);
    said.into_iter().map(|one| one.what).collect()
}

#[test]
fn every_field_is_named_when_it_is_wider_and_only_then() {
    let mut wide = 0;
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let base = some(&mut rng);
        assert_eq!(wider(&base, &base), [""; 0]);
        for (nth, (what, edit)) in edits().into_iter().enumerate() {
            let mut more = base.clone();
            edit(&mut more);
            if more == base {
                continue;
            }
            assert_eq!(wider(&base, &more), [what], "{seed}, {nth}");
            assert_eq!(wider(&more, &base), [""; 0], "{seed}, {nth}");
            wide += 1;
        }
    }
    assert!(wide > 1_000, "{wide}");
}

#[test]
fn another_place_is_never_taken_for_less() {
    let places: [fn(&mut HttpGrant); 3] = [
        |grant| grant.scheme = Scheme::Http,
        |grant| grant.host = String::from("b.test"),
        |grant| grant.port = 80,
    ];
    for seed in 0..50 {
        let base = some(&mut Rng::new(seed));
        for place in places {
            let mut other = base.clone();
            place(&mut other.grants.http[0]);
            assert_eq!(wider(&base, &other), ["grants.http"]);
            assert_eq!(wider(&other, &base), ["grants.http"]);
        }
    }
}

/// What somebody decides by says all of it, with what was there before.
#[test]
fn what_is_more_is_told_whole() {
    let base = plan().agents[1].clone();
    let place = |host: &str, paths: &[&str]| HttpGrant {
        scheme: Scheme::Https,
        host: String::from(host),
        port: 443,
        methods: vec![String::from("GET")],
        paths: paths.iter().map(|path| String::from(*path)).collect(),
        local: false,
        redirects: 0,
        timeout_ms: 30_000,
        max_body: 1 << 20,
        on_unknown: None,
    };
    let one = place("a.test", &["/v1/"]);
    let wild = HttpGrant {
        port: 8_443,
        local: true,
        redirects: 2,
        timeout_ms: 60_000,
        max_body: 2 << 20,
        on_unknown: Some(OnUnknown::Retry),
        ..place("::1", &["/", "/w"])
    };
    let has = |edit: &dyn Fn(&mut Agent)| {
        let mut agent = base.clone();
        agent.limits = GuestLimits { memory: 16 << 20, fuel: 5 };
        agent.timeout_ms = 500;
        edit(&mut agent);
        agent
    };
    let with = |hosts: &[HttpGrant]| has(&|agent| agent.grants.http = hosts.to_vec());
    let cases = [
        (has(&|_| ()), has(&|agent| agent.grants.clock = true), "grants.clock"),
        (
            has(&|_| ()),
            has(&|agent| agent.grants.read = vec![root("/data/in"), root("here")]),
            "grants.files.read + here (/data/in), + here",
        ),
        (has(&|_| ()), has(&|agent| agent.limits.memory = 64 << 20), "limits.memory 16MiB → 64MiB"),
        (has(&|_| ()), has(&|agent| agent.limits.fuel = 6), "limits.fuel 5 → 6"),
        (has(&|_| ()), has(&|agent| agent.timeout_ms = 60_000), "timeout 500ms → 1m"),
        (
            with(std::slice::from_ref(&one)),
            with(&[one.clone(), wild.clone()]),
            "grants.http + GET https://[::1]:8443/ /w local redirects=2 timeout=1m max_body=2MiB \
             on_unknown=retry",
        ),
        (
            with(std::slice::from_ref(&one)),
            with(&[place("a.test", &["/"])]),
            "grants.http GET https://a.test/v1/ → GET https://a.test/",
        ),
    ];
    for (old, new, expected) in cases {
        let (mut before, mut after) = (plan(), plan());
        (before.agents[1], after.agents[1]) = (old, new);
        let said = widenings(&before, &adopt(&before, after));
        let [one] = &said[..] else { panic!("{expected}: {said:?}") };
        assert_eq!(one.to_string(), format!("{}: {expected}", base.name));
    }
}

/// The engine needs no grant to read what a file names for a config, so that is asked for, too.
#[test]
fn what_the_engine_reads_for_a_config_is_more() {
    let old = plan();
    let mut new = plan();
    new.env = vec![(String::from("HOME"), String::from("/root"))];
    new.secrets = vec![String::from("KEY")];
    new.files = vec![String::from("/etc/passwd")];
    let said = |old: &Plan, new: &Plan| -> Vec<String> {
        let all = widenings(old, &adopt(old, new.clone()));
        all.iter().map(ToString::to_string).collect()
    };
    assert_eq!(said(&old, &new), ["env HOME", "file /etc/passwd", "secret KEY"]);
    assert_eq!(said(&new, &new), [""; 0]);
    assert_eq!(said(&new, &old), [""; 0]);
    new.env[0].1 = String::from("/home");
    assert_eq!(said(&new, &new), [""; 0], "whose value it is does not count");
}

/// All that a new agent has is more, and so is a secret.
#[test]
fn nobody_had_what_a_new_agent_has() {
    let mut wide = 0;
    for seed in 0..50 {
        let base = some(&mut Rng::new(seed));
        let old = plan();
        let mut new = plan();
        new.agents[1] = Agent { name: String::from("other"), ..base.clone() };
        let said = widenings(&old, &adopt(&old, new));
        let Grants { clock, random, timer, stdin, stdout, read, write, http } = base.grants;
        let flags = [clock, random, timer, stdin, stdout].into_iter().filter(|flag| *flag).count();
        let lists = [!read.is_empty(), !write.is_empty(), !http.is_empty()];
        assert_eq!(said.len(), flags + lists.into_iter().filter(|some| *some).count(), "{said:?}");
        wide += said.len();
    }
    assert!(wide > 100);
}
