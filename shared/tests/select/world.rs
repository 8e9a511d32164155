//! A store with made-up people in it, and what a rule finds there beside what it says in memory.
use crate::people::{self, Person};
use chrono_tz::Tz;
use serde_json::Value;
use shared::{
    clock::Time,
    contact::{doc, fold},
    ids::{ContactId, WorkspaceId},
    lead::LeadStatus,
    rules::{Facts, Rule, ValueSet},
    store::{
        Tx,
        select::{self, Compiled, Moment},
    },
    testing::TestStore,
    value_set::Sets,
};
use sqlx::types::Json;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

pub struct World {
    pub store: TestStore,
    pub workspace: WorkspaceId,
    pub people: Vec<Person>,
    pub sets: Sets,
    /// What rules read of each person, by when and where.
    docs: Mutex<HashMap<(Time, Tz), Arc<Vec<Value>>>>,
}

impl World {
    pub async fn of(store: TestStore, mut people: Vec<Person>) -> Self {
        let workspace = store.workspace("select").await;
        for person in &mut people {
            person.contact.workspace_id = workspace;
        }
        let names = ValueSet::new(["Ada", "New York", "50%", "İstanbul"]);
        let sets = Sets::from([("names".to_owned(), Arc::new(names))]);
        let world = Self { store, workspace, people, sets, docs: Mutex::default() };
        let mut tx = world.store.db.begin().await.unwrap();
        world.insert_segments(&mut tx).await;
        for person in &world.people {
            world.insert_contact(&mut tx, person).await;
            world.insert_related(&mut tx, person).await;
        }
        tx.commit().await.unwrap();
        world
    }

    pub fn moment(&self, now: Time, zone: Tz) -> Moment<'_> {
        Moment { now, zone, sets: &self.sets }
    }

    /// Who matches, asked in memory.
    pub fn matching(&self, rule: &Rule, now: Time, zone: Tz) -> BTreeSet<ContactId> {
        let docs = self.docs(now, zone);
        let holds =
            |doc: &Value| rule.matches(&Facts { doc, now, tz: zone, value_sets: &self.sets });
        let matching = self.people.iter().zip(docs.iter()).filter(|(_, doc)| holds(doc));
        matching.map(|(person, _)| person.contact.id).collect()
    }

    fn docs(&self, now: Time, zone: Tz) -> Arc<Vec<Value>> {
        let of = |person: &Person| doc::of(&person.contact, &person.related, now, zone);
        let make = || Arc::new(self.people.iter().map(of).collect());
        self.docs.lock().unwrap().entry((now, zone)).or_insert_with(make).clone()
    }

    /// Whom the database finds, and for whom the condition is NULL.
    pub async fn found(
        &self,
        tx: &mut Tx,
        compiled: &Compiled,
    ) -> (BTreeSet<ContactId>, Vec<ContactId>) {
        let Compiled { sql, .. } = compiled;
        let from = format!("FROM contact c{} WHERE c.workspace_id = $1", compiled.join());
        let filtered = format!("SELECT c.id {from} AND {sql}");
        let ids: Vec<(ContactId,)> = self.ask(tx, compiled, filtered).await;
        let unclear = format!("SELECT c.id {from} AND {sql} IS NULL");
        let nulls: Vec<(ContactId,)> = self.ask(tx, compiled, unclear).await;
        let id = |(id,): (ContactId,)| id;
        (ids.into_iter().map(id).collect(), nulls.into_iter().map(id).collect())
    }

    async fn ask(&self, tx: &mut Tx, compiled: &Compiled, sql: String) -> Vec<(ContactId,)> {
        let query = compiled.bind(tx.ex().made(sql).bind(self.workspace));
        query.all().await.unwrap_or_else(|error| panic!("{error}: {compiled:?}"))
    }

    /// Asks a rule both ways; answers whether SQL alone was enough.
    pub async fn check(&self, tx: &mut Tx, rule: &Rule, now: Time, zone: Tz) -> bool {
        let compiled = select::compile(rule, tx.ex().engine(), &self.moment(now, zone), 2);
        let wanted = self.matching(rule, now, zone);
        let (found, nulls) = self.found(tx, &compiled).await;
        let what = || {
            let differ: Vec<String> = found
                .symmetric_difference(&wanted)
                .filter_map(|id| self.people.iter().find(|person| person.contact.id == *id))
                .map(|person| {
                    serde_json::to_string(&doc::of(&person.contact, &person.related, now, zone))
                        .unwrap()
                })
                .collect();
            format!(
                "{rule:?} at {now} in {zone}: {compiled:?}; found {} of {}; first to differ {:?}",
                found.len(),
                wanted.len(),
                differ.first()
            )
        };
        assert!(nulls.is_empty(), "NULL for {nulls:?}: {}", what());
        if compiled.is_exact {
            assert!(found == wanted, "not the same: {}", what());
        } else {
            assert!(found.is_superset(&wanted), "too few: {}", what());
        }
        compiled.is_exact
    }

    async fn insert_segments(&self, tx: &mut Tx) {
        for (at, id) in people::segments().into_iter().enumerate() {
            let deleted = (at == people::DELETED_SEGMENT).then(people::created);
            tx.ex()
                .sql(
                    "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation,
                        member_count, created_at, updated_at, deleted_at)
                     VALUES ($1, $2, $3, '', 'static', 'ready', TRUE, 1, 0, $4, $4, $5)",
                )
                .bind(self.workspace)
                .bind(id)
                .bind(format!("segment {at}"))
                .bind(people::created())
                .bind(deleted)
                .run()
                .await
                .unwrap();
        }
    }

    async fn insert_contact(&self, tx: &mut Tx, person: &Person) {
        let (contact, profile) = (&person.contact, &person.contact.profile);
        tx.ex()
            .sql(
                "INSERT INTO contact (workspace_id, id, status, first_name, last_name, email, phone, salutation, title, company,
                    website, industry, number_of_employees, annual_revenue, gender, date_of_birth, street, city, state, zip,
                    country, timezone, source, properties, tags, opt_out_email, opt_out_sms, opt_out_phone, opt_out_push,
                    do_not_contact_until, words, created_at, updated_at, folded)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                    $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)",
            )
            .bind(self.workspace)
            .bind(contact.id)
            .bind(contact.status)
            .bind(profile.first_name.clone())
            .bind(profile.last_name.clone())
            .bind(profile.email.clone())
            .bind(profile.phone.clone())
            .bind(profile.salutation.clone())
            .bind(profile.title.clone())
            .bind(profile.company.clone())
            .bind(profile.website.clone())
            .bind(profile.industry.clone())
            .bind(profile.number_of_employees)
            .bind(profile.annual_revenue)
            .bind(profile.gender.clone())
            .bind(profile.date_of_birth.clone())
            .bind(profile.street.clone())
            .bind(profile.city.clone())
            .bind(profile.state.clone())
            .bind(profile.zip.clone())
            .bind(profile.country.clone())
            .bind(profile.timezone.clone())
            .bind(profile.source.clone())
            .bind(profile.properties.clone())
            .bind(profile.tags.clone())
            .bind(profile.opt_out_email)
            .bind(profile.opt_out_sms)
            .bind(profile.opt_out_phone)
            .bind(profile.opt_out_push)
            .bind(profile.do_not_contact_until)
            .bind(contact.words.clone())
            .bind(contact.created_at)
            .bind(contact.updated_at)
            .bind(Json(fold::folded(profile)))
            .run()
            .await
            .unwrap();
    }

    async fn insert_related(&self, tx: &mut Tx, person: &Person) {
        for segment in person.related.segments.iter().chain(&person.deleted_segments) {
            tx.ex()
                .sql("INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at) VALUES ($1, $2, $3, $4)")
                .bind(self.workspace)
                .bind(*segment)
                .bind(person.contact.id)
                .bind(people::created())
                .run()
                .await
                .unwrap();
        }
        for (campaign, status) in person.related.leads.iter().chain(&person.deleted_leads) {
            self.insert_lead(tx, person, campaign, *status).await;
        }
        self.insert_activities(tx, person).await;
    }

    async fn insert_lead(
        &self,
        tx: &mut Tx,
        person: &Person,
        campaign: &shared::ids::CampaignId,
        status: LeadStatus,
    ) {
        tx.ex()
            .sql(
                "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details,
                    is_test, is_duplicate, source, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, '', '', '', '', $6, FALSE, FALSE, 'api', $7, $7)",
            )
            .bind(self.workspace)
            .bind(shared::ids::LeadId::new())
            .bind(person.contact.id)
            .bind(*campaign)
            .bind(status.word())
            .bind(Json(serde_json::json!({})))
            .bind(people::created())
            .run()
            .await
            .unwrap();
    }

    async fn insert_activities(&self, tx: &mut Tx, person: &Person) {
        let related = &person.related;
        let (Some(first), Some(last)) = (related.first_seen_at, related.last_activity_at) else {
            return;
        };
        tx.ex()
            .sql(
                "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(self.workspace)
            .bind(person.contact.id)
            .bind(first)
            .bind(last)
            .bind(Json(related.events.clone()))
            .run()
            .await
            .unwrap();
        for day in &related.days {
            tx.ex()
                .sql(
                    "INSERT INTO activity_day (workspace_id, contact_id, type, name, day, times) VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(self.workspace)
                .bind(person.contact.id)
                .bind(day.kind.clone())
                .bind(day.name.clone())
                .bind(day.day.clone())
                .bind(day.times)
                .run()
                .await
                .unwrap();
        }
    }
}
