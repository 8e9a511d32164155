//! Segments on both engines: saved, refused, filled, emptied, deleted; circles that two savers would make together; plans and zones.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, ContactId, SegmentId, WorkspaceId},
    on_both_engines,
    plan::Plan,
    rules::Problem,
    segment::{
        SegmentKind, SegmentState,
        change::Change,
        check::{Draft, Refusal},
        source::Source,
    },
    store::{
        Db,
        campaigns::{self, Draft as CampaignDraft},
        segments::{self, By, FILL_AT_ONCE, FillFrom, SaveError, Segment},
        workspaces::{self, Change as Settings},
    },
    testing::{TestStore, noon},
};

const BY: By<'static> = By { who: "key test", at: NOON };
const NOON: shared::clock::Time = match chrono::DateTime::from_timestamp(1_795_262_400, 0) {
    Some(time) => time,
    None => chrono::DateTime::UNIX_EPOCH,
};

async fn enterprise(store: &TestStore) -> WorkspaceId {
    let workspace = store.workspace("one").await;
    workspaces::set_plan(&store.db, workspace, Plan::Enterprise, noon()).await.unwrap();
    workspace
}

fn fixed(name: &str) -> Draft {
    Draft {
        name: name.into(),
        description: String::new(),
        kind: SegmentKind::Static,
        source: None,
        timezone: None,
        is_enabled: true,
    }
}

fn dynamic(name: &str, rule: Value) -> Draft {
    Draft { kind: SegmentKind::Dynamic, source: Some(Source::Rule(rule)), ..fixed(name) }
}

fn city() -> Value {
    json!({"field": "contact.city", "operator": "equals", "value": "Reno"})
}

fn within(segments: &[SegmentId]) -> Value {
    json!({"field": "contact.segments", "operator": "memberOf", "value": segments})
}

async fn make(db: &Db, workspace: WorkspaceId, draft: &Draft) -> Segment {
    segments::create(db, workspace, draft, noon()).await.unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, SaveError>) -> Refusal {
    match result {
        Err(SaveError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn to_rule(rule: Value) -> Change {
    Change { source: Some(Source::Rule(rule)), ..Change::default() }
}

/// Their city is written as rules compare it, so nothing has to be folded.
async fn contact(db: &Db, workspace: WorkspaceId, status: &str) -> ContactId {
    let id = ContactId::new();
    db.write()
        .sql(
            "INSERT INTO contact (workspace_id, id, status, city, folded, created_at, updated_at)
             VALUES ($1, $2, $3, 'reno', '{}', $4, $4)",
        )
        .bind(workspace)
        .bind(id)
        .bind(status)
        .bind(noon())
        .run()
        .await
        .unwrap();
    id
}

async fn property(db: &Db, workspace: WorkspaceId, indexed: bool) {
    db.write()
        .sql(
            "INSERT INTO property (workspace_id, id, key, name, description, kind, indexed, created_at, updated_at)
             VALUES ($1, $2, 'tier', 'Tier', '', 'text', $3, $4, $4)",
        )
        .bind(workspace)
        .bind(shared::ids::PropertyId::new())
        .bind(indexed)
        .bind(noon())
        .run()
        .await
        .unwrap();
}

async fn epoch(db: &Db, workspace: WorkspaceId) -> i64 {
    let sql = "SELECT segment_epoch FROM workspace WHERE id = $1";
    db.read().sql(sql).bind(workspace).scalar().await.unwrap()
}

async fn changes(db: &Db, workspace: WorkspaceId, contact: ContactId) -> Vec<String> {
    let sql =
        "SELECT kind FROM contact_change WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id";
    let rows: Vec<(String,)> =
        db.read().sql(sql).bind(workspace).bind(contact).all().await.unwrap();
    rows.into_iter().map(|(kind,)| kind).collect()
}

fn path(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.path.as_str()).collect()
}

on_both_engines! {
    async fn a_new_segment_is_ready_when_static_and_waits_when_dynamic(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let before = epoch(db, workspace).await;
        let plain = make(db, workspace, &fixed("VIP")).await;
        assert_eq!((plain.state, plain.build_due_at, plain.generation), (SegmentState::Ready, None, 1));
        let ruled = make(db, workspace, &dynamic("Reno", city())).await;
        assert_eq!((ruled.state, ruled.build_due_at), (SegmentState::Waiting, Some(noon())));
        assert!(epoch(db, workspace).await > before);
        let taken = segments::create(db, workspace, &fixed("VIP"), noon()).await;
        assert_eq!(refusal(taken), Refusal::NameTaken("VIP".into()));
        let other = store.workspace("two").await;
        make(db, other, &fixed("VIP")).await;
        assert!(segments::get(db.read(), other, plain.id).await.unwrap().is_none());
        let off = Draft { is_enabled: false, ..dynamic("off", city()) };
        let off = make(db, workspace, &off).await;
        assert_eq!((off.state, off.build_due_at), (SegmentState::Ready, None));
        let typed = Draft { source: Some(Source::Search("city:Reno".into())), ..dynamic("typed", city()) };
        let typed = make(db, workspace, &typed).await;
        assert_eq!(typed.search.as_deref(), Some("city:Reno"));
        assert_eq!(typed.rule.unwrap().0["field"], "contact.city");
    }

    async fn everything_wrong_is_listed_and_nothing_is_stored(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let elsewhere = make(db, store.workspace("two").await, &fixed("theirs")).await;
        let rule = json!({"combinator": "and", "rules": [
            city(), within(&[elsewhere.id]),
            {"field": "contact.campaigns", "operator": "memberOf", "value": [CampaignId::new(), "cmp_x"]},
            {"field": "contact.zip", "operator": "inValueSet", "valueSet": "nowhere"},
        ]});
        let draft = Draft { timezone: Some("Nowhere".into()), ..dynamic("", rule) };
        let Refusal::Invalid(found) = refusal(segments::create(db, workspace, &draft, noon()).await) else { panic!() };
        assert_eq!(path(&found), [
            "name", "timezone", "rule.rules[2].value[1]", "rule.rules[1].value[0]", "rule.rules[2].value[0]",
            "rule.rules[3].valueSet",
        ]);
        let typed = Draft { source: Some(Source::Search("city:(".into())), ..dynamic("typed", city()) };
        let Refusal::Invalid(found) = refusal(segments::create(db, workspace, &typed, noon()).await) else { panic!() };
        assert_eq!(path(&found), ["search"]);
        assert!(found[0].message.starts_with("at character "), "{found:?}");
        assert!(segments::all(db.read(), workspace).await.unwrap().is_empty());
    }

    async fn another_rule_stops_the_build_and_words_do_not(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &dynamic("Reno", city())).await;
        let (key, later) = ((workspace, made.id), noon() + Duration::seconds(5));
        built(db, &made).await;
        let words = Change { name: Some("Reno, NV".into()), ..Change::default() };
        let named = segments::change(db, key, &words, later).await.unwrap();
        assert_eq!((named.state, named.generation, named.name.as_str()), (SegmentState::Ready, 1, "Reno, NV"));
        let ruled = segments::change(db, key, &to_rule(within(&[])), later).await;
        assert!(matches!(refusal(ruled), Refusal::Invalid(_)));
        let sparks = json!({"field": "contact.city", "operator": "equals", "value": "Sparks"});
        let ruled = segments::change(db, key, &to_rule(sparks), later).await.unwrap();
        assert_eq!((ruled.state, ruled.generation, ruled.build_due_at), (SegmentState::Waiting, 2, Some(later)));
        let off = Change { is_enabled: Some(false), ..Change::default() };
        let off = segments::change(db, key, &off, later).await.unwrap();
        assert_eq!((off.state, off.generation, off.build_due_at), (SegmentState::Ready, 3, None));
        let refused = segments::rebuild(db, key, later).await;
        assert!(matches!(refusal(refused), Refusal::NotSo(_)));
        let on = Change { is_enabled: Some(true), ..Change::default() };
        let on = segments::change(db, key, &on, later).await.unwrap();
        assert_eq!((on.state, on.generation), (SegmentState::Waiting, 4));
        assert_eq!(segments::rebuild(db, key, later).await.unwrap().generation, 4, "it waits already");
        built(db, &on).await;
        let again = segments::rebuild(db, key, later).await.unwrap();
        assert_eq!((again.state, again.generation), (SegmentState::Waiting, 5));
        assert_eq!(refusal(segments::change(db, (workspace, SegmentId::new()), &words, later).await), Refusal::Absent);
    }

    async fn a_kind_may_change_and_members_stay(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &fixed("VIP")).await;
        let (key, ada) = ((workspace, made.id), contact(db, workspace, "active").await);
        segments::add(db, key, &[ada], BY).await.unwrap();
        let to = |kind, source| Change { kind: Some(kind), source, ..Change::default() };
        let bare = segments::change(db, key, &to(SegmentKind::Dynamic, None), noon()).await;
        let Refusal::Invalid(found) = refusal(bare) else { panic!() };
        assert_eq!(path(&found), ["rule"]);
        let ruled = segments::change(db, key, &to_rule(city()), noon()).await;
        let Refusal::Invalid(found) = refusal(ruled) else { panic!() };
        assert!(found[0].message.contains("a static segment has no rule"));
        let live = to(SegmentKind::Dynamic, Some(Source::Rule(city())));
        let live = segments::change(db, key, &live, noon()).await.unwrap();
        assert_eq!((live.kind, live.state), (SegmentKind::Dynamic, SegmentState::Waiting));
        assert!(matches!(refusal(segments::add(db, key, &[ada], BY).await), Refusal::NotSo(_)));
        let still = segments::change(db, key, &to(SegmentKind::Static, None), noon()).await.unwrap();
        assert_eq!((still.kind, still.state, still.rule, still.build_due_at), (SegmentKind::Static, SegmentState::Ready, None, None));
        assert_eq!(segments::member_ids(db.read(), key, None, 9).await.unwrap(), [ada]);
    }

    async fn a_circle_is_refused_by_names(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let a = make(db, workspace, &dynamic("A", city())).await;
        let b = make(db, workspace, &dynamic("B", within(&[a.id]))).await;
        let c = make(db, workspace, &dynamic("C", within(&[b.id]))).await;
        let circle = segments::change(db, (workspace, a.id), &to_rule(within(&[c.id])), noon()).await;
        assert_eq!(refusal(circle), Refusal::Circle(["A", "C", "B", "A"].map(String::from).to_vec()));
        let own = segments::change(db, (workspace, b.id), &to_rule(within(&[b.id])), noon()).await;
        assert_eq!(refusal(own), Refusal::Circle(["B", "B"].map(String::from).to_vec()));
        segments::change(db, (workspace, c.id), &to_rule(city()), noon()).await.unwrap();
        segments::change(db, (workspace, a.id), &to_rule(within(&[c.id])), noon()).await.unwrap();
    }

    async fn two_saves_at_once_do_not_make_a_circle(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        for round in 0..5 {
            let a = make(db, workspace, &dynamic(&format!("A{round}"), city())).await;
            let b = make(db, workspace, &dynamic(&format!("B{round}"), city())).await;
            let (to_a, to_b) = (to_rule(within(&[a.id])), to_rule(within(&[b.id])));
            let (one, two) = tokio::join!(
                segments::change(db, (workspace, a.id), &to_b, noon()),
                segments::change(db, (workspace, b.id), &to_a, noon()),
            );
            assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {two:?}");
        }
    }

    async fn of_two_names_at_once_one_is_taken(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let draft = fixed("VIP");
        let (one, two) = tokio::join!(
            segments::create(db, workspace, &draft, noon()),
            segments::create(db, workspace, &draft, noon()),
        );
        let (made, not) = if one.is_ok() { (one, two) } else { (two, one) };
        assert!(made.is_ok());
        assert_eq!(refusal(not), Refusal::NameTaken("VIP".into()));
    }

    async fn members_come_and_go_once_with_a_line_of_history(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &fixed("VIP")).await;
        let key = (workspace, made.id);
        let (ada, bob) = (contact(db, workspace, "active").await, contact(db, workspace, "inactive").await);
        let gone = contact(db, workspace, "deleted").await;
        let (unknown, theirs) = (ContactId::new(), contact(db, store.workspace("two").await, "active").await);
        let moved = segments::add(db, key, &[bob, ada, bob, gone, unknown, theirs], BY).await.unwrap();
        assert_eq!((moved.moved, moved.deleted), (vec![ada, bob], vec![gone]));
        let mut strangers = [unknown, theirs];
        strangers.sort();
        assert_eq!(moved.unknown, strangers);
        assert!(segments::add(db, key, &[ada], BY).await.unwrap().moved.is_empty());
        assert_eq!(changes(db, workspace, ada).await, ["segment_added"]);
        let page = segments::members(db.read(), key, None, 1).await.unwrap();
        assert_eq!(page[0].contact_id, ada);
        let rest = segments::members(db.read(), key, Some(ada), 9).await.unwrap();
        assert_eq!((rest.len(), rest[0].contact_id, rest[0].added_at), (1, bob, NOON));
        assert_eq!(segments::counts(db.read(), workspace, &[made.id]).await.unwrap()[&made.id], 2);
        let of = segments::of_contact(db.read(), workspace, ada).await.unwrap();
        assert_eq!(of.iter().map(|one| one.id).collect::<Vec<_>>(), [made.id]);
        let left = segments::remove(db, key, &[ada, gone, unknown], BY).await.unwrap();
        assert_eq!((left.moved, left.unknown), (vec![ada], vec![unknown]));
        assert!(segments::remove(db, key, &[ada], BY).await.unwrap().moved.is_empty());
        assert_eq!(changes(db, workspace, ada).await, ["segment_added", "segment_removed"]);
        let other = store.workspace("two").await;
        assert_eq!(refusal(segments::add(db, (other, made.id), &[theirs], BY).await), Refusal::Absent);
    }

    async fn a_segment_is_filled_from_a_search_and_from_another(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let mut everybody = Vec::new();
        for _ in 0..3 {
            everybody.push(contact(db, workspace, "active").await);
        }
        contact(db, workspace, "deleted").await;
        let made = make(db, workspace, &fixed("Reno")).await;
        let key = (workspace, made.id);
        let wanted = segments::wanted(db, workspace, &Source::Rule(city()), (None, "")).await.unwrap();
        let from = FillFrom::Matching(&wanted);
        let filled = segments::fill(db, key, from, None, BY).await.unwrap();
        assert_eq!((filled.found, filled.added, filled.next), (3, 3, None));
        let again = segments::fill(db, key, from, Some(everybody[0]), BY).await.unwrap();
        assert_eq!((again.found, again.added, again.next), (2, 0, None));
        assert_eq!(segments::member_ids(db.read(), key, None, 9).await.unwrap(), everybody);
        let history = segments::history(db.read(), key, noon() + Duration::days(1), 9).await.unwrap();
        assert_eq!((history.len(), history[0].members, history[0].added), (1, 3, 3));
        let copy = make(db, workspace, &segments::copied(&made, "copy")).await;
        let filled = segments::fill(db, (workspace, copy.id), FillFrom::Members(key), None, BY).await.unwrap();
        assert_eq!((filled.found, filled.added), (3, 3));
        assert_eq!(segments::member_ids(db.read(), (workspace, copy.id), None, 9).await.unwrap(), everybody);
        let bad = segments::wanted(db, workspace, &Source::Rule(json!({})), (None, "from.")).await;
        let Refusal::Invalid(found) = refusal(bad) else { panic!() };
        assert!(found.iter().all(|problem| problem.path.starts_with("from.rule")), "{found:?}");
    }

    async fn a_segment_that_is_named_cannot_be_deleted(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let a = make(db, workspace, &fixed("A")).await;
        let b = make(db, workspace, &dynamic("B", within(&[a.id]))).await;
        let ada = contact(db, workspace, "active").await;
        segments::add(db, (workspace, a.id), &[ada], BY).await.unwrap();
        feed(db, workspace, a.id).await;
        let used = refusal(segments::delete(db, (workspace, a.id), noon()).await);
        assert_eq!(used, Refusal::Used(vec!["segment \"B\"".into(), "campaign SOL".into()]));
        let starve = "DELETE FROM campaign_segment WHERE workspace_id = $1";
        db.write().sql(starve).bind(workspace).run().await.unwrap();
        segments::delete(db, (workspace, b.id), noon()).await.unwrap();
        segments::delete(db, (workspace, a.id), noon()).await.unwrap();
        assert_eq!(refusal(segments::delete(db, (workspace, a.id), noon()).await), Refusal::Absent);
        assert!(segments::member_ids(db.read(), (workspace, a.id), None, 9).await.unwrap().is_empty());
        assert!(segments::of_contact(db.read(), workspace, ada).await.unwrap().is_empty());
        make(db, workspace, &fixed("A")).await;
        let named = segments::create(db, workspace, &dynamic("C", within(&[a.id])), noon()).await;
        assert!(matches!(refusal(named), Refusal::Invalid(_)), "a deleted one cannot be named");
    }

    async fn a_lower_plan_freezes_and_a_higher_one_thaws(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        property(db, workspace, true).await;
        let tier = json!({"field": "property.tier", "operator": "equals", "value": "gold"});
        let plain = make(db, workspace, &dynamic("plain", city())).await;
        let gold = make(db, workspace, &dynamic("gold", tier.clone())).await;
        let vip = make(db, workspace, &fixed("VIP")).await;
        let states = async || {
            let all = segments::all(db.read(), workspace).await.unwrap();
            all.iter().map(|one| one.state).collect::<Vec<_>>()
        };
        use SegmentState::{Frozen, Ready, Waiting};
        let changed = workspaces::set_plan(db, workspace, Plan::Premium, noon()).await.unwrap();
        assert_eq!((states().await, changed.to_build.len()), (vec![Waiting, Frozen, Ready], 0));
        let frozen = segments::get(db.read(), workspace, gold.id).await.unwrap().unwrap();
        assert!(frozen.problem.unwrap().contains("need the plan enterprise"));
        assert_eq!((frozen.generation, frozen.build_due_at), (2, None));
        workspaces::set_plan(db, workspace, Plan::Standard, noon()).await.unwrap();
        assert_eq!(states().await, [Frozen, Frozen, Ready]);
        for draft in [dynamic("new", city()), dynamic("new", tier.clone())] {
            assert!(matches!(refusal(segments::create(db, workspace, &draft, noon()).await), Refusal::Plan(_)));
        }
        let search = segments::wanted(db, workspace, &Source::Rule(tier), (None, "")).await;
        assert!(matches!(refusal(search), Refusal::Plan(_)));
        let words = Change { name: Some("renamed".into()), ..Change::default() };
        let renamed = segments::change(db, (workspace, plain.id), &words, noon()).await.unwrap();
        assert_eq!((renamed.state, renamed.name.as_str()), (Frozen, "renamed"));
        let rebuilt = segments::rebuild(db, (workspace, plain.id), noon()).await;
        assert!(matches!(refusal(rebuilt), Refusal::Plan(_)));
        let changed = workspaces::set_plan(db, workspace, Plan::Enterprise, noon()).await.unwrap();
        let mut built: Vec<SegmentId> = changed.to_build.iter().map(|(id, _)| *id).collect();
        built.sort();
        assert_eq!(built, [plain.id, gold.id]);
        assert_eq!(states().await, [Waiting, Waiting, Ready]);
        let still = workspaces::set_plan(db, workspace, Plan::Enterprise, noon()).await.unwrap();
        assert!(still.to_build.is_empty());
        assert_eq!(segments::get(db.read(), workspace, vip.id).await.unwrap().unwrap().generation, 1);
    }

    async fn a_save_thaws_what_the_plan_allows_again(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &dynamic("plain", city())).await;
        let freeze = "UPDATE segment SET state = 'frozen', problem = 'x', build_due_at = NULL WHERE workspace_id = $1";
        db.write().sql(freeze).bind(workspace).run().await.unwrap();
        let words = Change { description: Some("d".into()), ..Change::default() };
        let saved = segments::change(db, (workspace, made.id), &words, noon()).await.unwrap();
        assert_eq!((saved.state, saved.problem, saved.generation), (SegmentState::Waiting, None, 2));
        assert_eq!(saved.rule, made.rule);
    }

    async fn another_zone_builds_what_has_none_of_its_own(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let own = Draft { timezone: Some("Europe/Paris".into()), ..dynamic("own", city()) };
        make(db, workspace, &own).await;
        let plain = make(db, workspace, &dynamic("plain", city())).await;
        let zone = Settings { timezone: Some("America/Los_Angeles".into()), plan: None };
        let changed = workspaces::change(db, workspace, &zone, noon()).await.unwrap();
        assert_eq!(changed.to_build, [(plain.id, 2)]);
        assert_eq!(changed.settings.timezone, "America/Los_Angeles");
        let wanted = segments::wanted(db, workspace, &Source::Rule(city()), (None, "")).await.unwrap();
        assert_eq!(wanted.zone, chrono_tz::America::Los_Angeles);
    }

    async fn a_broken_segment_can_be_renamed_and_turned_off_but_not_built(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        property(db, workspace, true).await;
        let tier = json!({"field": "property.tier", "operator": "equals", "value": "gold"});
        let made = make(db, workspace, &dynamic("gold", tier)).await;
        let hide = "UPDATE property SET indexed = FALSE WHERE workspace_id = $1";
        db.write().sql(hide).bind(workspace).run().await.unwrap();
        let break_it = "UPDATE segment SET state = 'broken', problem = 'p', build_due_at = NULL WHERE workspace_id = $1";
        db.write().sql(break_it).bind(workspace).run().await.unwrap();
        let key = (workspace, made.id);
        let words = Change { name: Some("renamed".into()), ..Change::default() };
        let renamed = segments::change(db, key, &words, noon()).await.unwrap();
        assert_eq!((renamed.state, renamed.problem.as_deref()), (SegmentState::Broken, Some("p")));
        let Refusal::Invalid(found) = refusal(segments::rebuild(db, key, noon()).await) else { panic!() };
        assert_eq!(path(&found), ["rule.field"]);
        let off = Change { is_enabled: Some(false), ..Change::default() };
        let off = segments::change(db, key, &off, noon()).await.unwrap();
        assert_eq!((off.state, off.is_enabled), (SegmentState::Broken, false));
        let mended = segments::change(db, key, &Change { is_enabled: Some(true), ..to_rule(city()) }, noon()).await;
        assert_eq!(mended.unwrap().state, SegmentState::Waiting);
    }
}

/// As a worker leaves it.
async fn built(db: &Db, segment: &Segment) {
    db.write()
        .sql("UPDATE segment SET state = 'ready', build_due_at = NULL WHERE workspace_id = $1 AND id = $2")
        .bind(segment.workspace_id)
        .bind(segment.id)
        .run()
        .await
        .unwrap();
}

async fn feed(db: &Db, workspace: WorkspaceId, segment: SegmentId) {
    let draft = CampaignDraft {
        workspace,
        id: CampaignId::new(),
        code: "SOL".into(),
        name: "Solar".into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(db, &draft).await.unwrap();
    db.write()
        .sql("INSERT INTO campaign_segment (workspace_id, campaign_id, segment_id, added_at) VALUES ($1, $2, $3, $4)")
        .bind(workspace)
        .bind(draft.id)
        .bind(segment)
        .bind(noon())
        .run()
        .await
        .unwrap();
}

#[test]
fn a_fill_is_made_of_whole_steps() {
    assert_eq!(FILL_AT_ONCE % segments::MEMBERS_AT_ONCE, 0);
    assert_eq!(NOON, noon());
}
