//! Tracking sites, the script in their pages, and what is made of the visits that it reports.
use crate::{
    activities::{contact, listed},
    support::{Answer, PUBLIC_URL, World, world},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{activity::visit, ids::ContactId};
use std::process::{Command, Stdio};
use url::form_urlencoded;

async fn site(world: &World) -> String {
    let made = world.post("/api/v1/tracking-sites", json!({"name": "shop.example.com"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.data("siteKey")
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn pixel(world: &World, fields: &[(&str, &str)]) -> Answer {
    let answer = world.ask_without_key("GET", &format!("/t/p.gif?{}", form(fields))).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn beacon(world: &World, fields: &[(&str, &str)]) -> Answer {
    let ask = world.ask_without_key("POST", "/t/p").raw(form(fields));
    let answer =
        ask.header("content-type", "application/x-www-form-urlencoded;charset=UTF-8").send().await;
    assert_eq!(answer.status, 204, "{answer:?}");
    answer
}

async fn names(world: &World, contact: &str) -> Vec<Value> {
    listed(world, contact).await.into_iter().map(|one| one["name"].clone()).collect()
}

const V: (&str, &str) = ("v", "browser-1");

#[tokio::test]
async fn a_site_is_created_listed_and_revoked() {
    let world = world().await;
    let key = site(&world).await;
    let again = world.post("/api/v1/tracking-sites", json!({"name": " shop.example.com "})).await;
    assert_eq!((again.status, again.code()), (409, "CONFLICT"));
    for bad in ["", " ", "a\nb", &"x".repeat(101)] {
        let answer = world.post("/api/v1/tracking-sites", json!({"name": bad})).await;
        assert_eq!((answer.status, answer.code()), (422, "VALIDATION_ERROR"), "{bad}");
    }
    let list = world.get("/api/v1/tracking-sites").await;
    let shown = &list.json["data"]["items"][0];
    let tag = format!(r#"<script async src="{PUBLIC_URL}/t/leadrail.js?site={key}"></script>"#);
    assert_eq!((&shown["tag"], &shown["revokedAt"]), (&json!(tag), &Value::Null));

    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let visit = [("site", key.as_str()), V, ("u", "https://example.com/a"), ("c", &ada)];
    pixel(&world, &visit).await;
    let path = format!("/api/v1/tracking-sites/{}", shown["siteId"].as_str().unwrap());
    for _ in 0..2 {
        let revoked = world.ask("DELETE", &path).send().await;
        assert_eq!(revoked.data("revokedAt"), "2026-11-21T12:00:00Z");
    }
    pixel(&world, &visit).await;
    assert_eq!(names(&world, &ada).await, ["/a"], "a revoked key adds nothing");
}

#[tokio::test]
async fn visits_wait_for_their_contact_and_become_its_activities() {
    let world = world().await;
    let key = site(&world).await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let site = ("site", key.as_str());
    let first = [
        site,
        V,
        ("u", "https://Example.com/a?secret=1"),
        ("t", "A page"),
        ("r", "https://search.example.com/q?x=ada"),
    ];
    beacon(&world, &first).await;
    world.clock.forward(Duration::minutes(1));
    pixel(&world, &[site, V, ("u", "https://example.com/b")]).await;
    assert_eq!(names(&world, &ada).await, Vec::<Value>::new());
    for _ in 0..2 {
        beacon(&world, &[site, V, ("c", &ada)]).await;
        assert_eq!(names(&world, &ada).await, ["/b", "/a"]);
    }
    world.clock.forward(Duration::minutes(1));
    beacon(&world, &[site, V, ("u", "https://example.com/c")]).await;
    pixel(&world, &[site, ("v", "browser-2"), ("u", "https://example.com/d"), ("c", &ada)]).await;
    let all = listed(&world, &ada).await;
    assert_eq!(all.len(), 4);
    let first = all.last().unwrap();
    assert_eq!(first["type"], "page_visit");
    assert_eq!(first["at"], "2026-11-21T12:00:00Z");
    assert_eq!(
        first["data"],
        json!({"host": "example.com", "title": "A page", "referrer": "search.example.com/q"})
    );
    assert!(!all.iter().any(|one| one.to_string().contains("secret")));
}

#[tokio::test]
async fn every_answer_is_the_same_whatever_is_known() {
    let world = world().await;
    let key = site(&world).await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let (unknown, nobody) = (visit::site_key(), ContactId::new().to_string());
    let long = "x".repeat(20_000);
    let u = ("u", "https://example.com/a");
    let mut seen = Vec::new();
    for fields in [
        vec![("site", key.as_str()), V, u, ("c", &ada)],
        vec![("site", key.as_str()), V, u, ("c", &nobody)],
        vec![("site", unknown.as_str()), V, u, ("c", &ada)],
        vec![("site", "trk_damaged"), V, u],
        vec![("site", key.as_str()), V, ("u", "nowhere"), ("c", "nobody")],
        vec![("site", key.as_str()), ("v", "<script>"), u, ("c", &ada)],
        vec![("site", key.as_str()), V, ("t", &long), u, ("c", &ada)],
        vec![],
    ] {
        let mut answer = pixel(&world, &fields).await;
        answer.headers.remove("x-request-id");
        seen.push(answer.headers);
        if !fields.contains(&("t", &long)) {
            beacon(&world, &fields).await;
        }
    }
    assert_eq!(names(&world, &ada).await, ["/a"; 4], "the first two, each told in both ways");
    let headers = &seen[0];
    assert!(seen.iter().all(|one| one == headers), "{seen:?}");
    assert_eq!(headers["content-type"], "image/gif");
    assert_eq!(headers["content-length"], "43");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["access-control-allow-origin"], "*");
    let long = world.ask_without_key("POST", "/t/p").raw(form(&[("t", &long)])).send().await;
    assert_eq!(long.status, 413);
    let not_text =
        world.ask_without_key("POST", "/t/p").raw(vec![0xff, 0x00, b'=', 0xff]).send().await;
    assert_eq!(not_text.status, 204);
}

#[tokio::test]
async fn the_script_is_served_to_everybody() {
    let world = world().await;
    for path in ["/t/leadrail.js?site=trk_x", "/t/leadrail.js"] {
        let script = world.ask_without_key("GET", path).send().await;
        assert_eq!(script.status, 200);
        assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(script.header("cross-origin-resource-policy"), Some("cross-origin"));
        assert_eq!(script.header("cache-control"), Some("public, max-age=3600"));
    }
}

/// A browser's parts that the script touches, and a stay in it: what it sends is printed, a line each.
const BROWSER: &str = r#"
const sent = [], stored = {}, listeners = {};
function browser({ dnt, beacon = true, url = 'https://shop.example.com/a?lr_c=contact_1&x=2#top', fails = false }) {
  const location = { href: url };
  const move = (state, _, to) => { location.href = String(new URL(to, location.href)); };
  globalThis.window = {
    location, crypto: globalThis.crypto, history: { state: null, pushState: move, replaceState: move },
    localStorage: {
      getItem: (key) => { if (fails) throw new Error('no'); return stored[key] ?? null; },
      setItem: (key, value) => { if (fails) throw new Error('no'); stored[key] = value; },
    },
    addEventListener: (name, then) => { listeners[name] = then; },
    leadrail: { q: [['identify', 'contact_q']] },
  };
  globalThis.document = {
    currentScript: { src: 'https://leads.example.com/t/leadrail.js?site=trk_1' }, title: 'T'.repeat(300),
    referrer: 'https://search.example.com/?q=ada',
  };
  const navigator = { doNotTrack: dnt };
  if (beacon) navigator.sendBeacon = (to, body) => { sent.push(to + ' ' + body); return true; };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  globalThis.Image = class { set src(to) { sent.push(to.replace('?', ' ')); } };
}
const turn = () => new Promise((then) => setTimeout(then, 1));
(async () => {
  browser({}); run();
  await turn();
  const visitor = stored.lr_visitor;
  window.history.pushState(null, '', '/b?x=3'); await turn();
  window.history.replaceState(null, '', '/b?x=4'); await turn();
  window.location.href = 'https://shop.example.com/a'; listeners.popstate(); await turn();
  window.leadrail('identify', 'contact_2'); window.leadrail('other', 'x');
  sent.push('url ' + window.location.href);
  browser({ beacon: false, url: 'https://shop.example.com/c' }); delete window.leadrail; run();
  sent.push('same ' + (stored.lr_visitor === visitor));
  browser({ fails: true, url: 'https://shop.example.com/d' }); delete window.leadrail; run();
  browser({ dnt: '1' }); run(); window.leadrail('identify', 'contact_3');
  await turn();
  for (const line of sent) console.log(line.replace(/([?&]|\b)v=[0-9a-f]{32}/, '$1v=V').replaceAll('T'.repeat(200), 'TITLE'));
})();
"#;

/// Runs where there is a program for scripts; what the script's text must hold is tested beside it in any case.
#[test]
fn the_script_reports_pages_and_says_whose_the_browser_is() {
    let there =
        Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return;
    }
    let script = include_str!("../../src/activities/leadrail.js");
    let program = format!("function run() {{ {script} }}\n{BROWSER}");
    let output = Command::new("node").arg("-e").arg(program).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!(said, @r"
    https://leads.example.com/t/p site=trk_1&v=V&u=https%3A%2F%2Fshop.example.com%2Fa&t=TITLE&r=https%3A%2F%2Fsearch.example.com%2F&c=contact_1
    https://leads.example.com/t/p site=trk_1&v=V&c=contact_q
    https://leads.example.com/t/p site=trk_1&v=V&u=https%3A%2F%2Fshop.example.com%2Fb&t=TITLE&r=https%3A%2F%2Fshop.example.com%2Fa
    https://leads.example.com/t/p site=trk_1&v=V&u=https%3A%2F%2Fshop.example.com%2Fa&t=TITLE&r=https%3A%2F%2Fshop.example.com%2Fb
    https://leads.example.com/t/p site=trk_1&v=V&c=contact_2
    url https://shop.example.com/a
    https://leads.example.com/t/p.gif site=trk_1&v=V&u=https%3A%2F%2Fshop.example.com%2Fc&t=TITLE&r=https%3A%2F%2Fsearch.example.com%2F
    same true
    https://leads.example.com/t/p site=trk_1&v=V&u=https%3A%2F%2Fshop.example.com%2Fd&t=TITLE&r=https%3A%2F%2Fsearch.example.com%2F
    ");
}
