//! Where redirects and names lead.

use super::*;

#[test]
fn a_location_is_read_against_where_it_came_from() {
    let from = Address::parse("https://a.test/v1/x?y=z").expect("an address");
    let cases = [
        ("b", "https://a.test/v1/b"),
        ("?q=1", "https://a.test/v1/x?q=1"),
        ("b?u=http://c.test/", "https://a.test/v1/b?u=http://c.test/"),
        ("/b", "https://a.test/b"),
        ("../b", "https://a.test/b"),
        ("//c.test/b", "https://c.test/b"),
        ("https:/v1/b", "https://a.test/v1/b"),
        ("http://c.test", "http://c.test/"),
        ("/a\\..\\b", "https://a.test/b"),
        ("https://0x7f.1/", "https://127.0.0.1/"),
    ];
    for (location, expected) in cases {
        let found = redirect::resolve(&from, location).expect("a location");
        assert_eq!(found, expected, "{location}");
    }
}

#[test]
fn another_host_learns_nothing_that_is_not_for_all() {
    let (second, other) = serve_these(vec![String::from(OK)]);
    let (first, server) = serve_these(vec![redirect_to(&format!("http://127.0.0.1:{second}/v1/"))]);
    let grants = [HttpGrant { redirects: 1, ..grant(first) }, grant(second)];
    let mut request = request("GET", &format!("http://127.0.0.1:{first}/v1/"));
    for (name, value) in [("X-Api-Key", "mine"), ("Accept", "text/plain"), ("Cookie", "mine")] {
        request.headers.push((String::from(name), String::from(value)));
    }
    assert_eq!(asked(&grants, &request, 20_000).0.expect("a response").status, 200);
    let asked = [server, other].map(|it| it.join().expect("it ended").remove(0).to_lowercase());
    assert!(asked[0].contains("x-api-key: mine"), "{asked:?}");
    assert!(asked[1].contains("accept: text/plain"), "{asked:?}");
    assert!(!asked[1].contains("mine") && !asked[1].contains("authorization"), "{asked:?}");
}

#[test]
fn who_is_far_leads_nowhere_near() {
    let near = grant(80);
    let far = HttpGrant { host: String::from("a.test"), local: false, ..grant(80) };
    let (grants, to_near) =
        ([near.clone(), far.clone()], request("GET", "http://127.0.0.1:80/v1/"));
    let denied = exchange::onward(&grants, &far, &to_near).expect_err("it is refused");
    assert_eq!(denied.code, HttpErrorCode::Denied);
    assert!(exchange::onward(&grants, &near, &to_near).is_ok());
    assert!(exchange::onward(&grants, &near, &request("GET", "http://a.test/v1/")).is_ok());
}

#[test]
fn a_name_leads_to_no_metadata_and_the_guest_learns_no_address() {
    let check = |host: &str, local, ip: &str| {
        let to = Address::parse(&format!("http://{host}/")).expect("an address");
        let ip: IpAddr = ip.parse().expect("an address");
        place::check(&to, local, &[std::net::SocketAddr::new(ip, 80)]).map_err(|why| why.message)
    };
    let special = [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ];
    for ip in special {
        for local in [false, true] {
            let why = check("a.test", local, ip).expect_err(ip);
            assert!(!why.contains(ip), "{why}");
        }
    }
    for ip in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "1.1.1.1"] {
        assert_eq!(check("a.test", true, ip), Ok(()), "{ip}");
    }
    assert_eq!(check("169.254.169.254", true, "169.254.169.254"), Ok(()), "it is granted itself");
    assert!(check("169.254.169.254", false, "169.254.169.254").is_err());
}
