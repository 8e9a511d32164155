//! What forbids a call or a text, however late it is said: before it is planned, after that, and after it was claimed.
use crate::{phones::Phones, world::Run};
use chrono::Duration;
use fakes::Provider;
use serde_json::json;
use shared::{
    clock::Time,
    ids::{CampaignId, LeadId},
    on_both_engines,
    store::{
        dialect::Engine,
        leads,
        suppressions::{self, Person, Reach, Suppression},
    },
};

const ADA: &str = "+14155558000";

/// A campaign that calls, and one that texts.
async fn campaigns(phones: &Phones) -> [CampaignId; 2] {
    phones.agent("caller", Provider::Retell, json!({})).await;
    phones.agent("texter", Provider::Twilio, json!({})).await;
    [
        phones.calling("AAA", json!({}), json!({})).await,
        phones.texting("BBB", json!({}), json!({})).await,
    ]
}

async fn hash(phones: &Phones, phone: &str) -> String {
    let world = &phones.world;
    world.ctx.secrets.person_hash(world.workspace, phone, world.clock.now()).await.unwrap()
}

async fn suppress(phones: &Phones, phone: &str, expires_at: Option<Time>) {
    let (world, hash) = (&phones.world, hash(phones, phone).await);
    let person = Person { workspace: world.workspace, hash: &hash };
    let said = Suppression {
        channel: Reach::All,
        reason: "manual".into(),
        source: "desk".into(),
        created_at: world.clock.now(),
        expires_at,
    };
    suppressions::add(world.store.db.write(), person, &said).await.unwrap();
}

/// Writes what the lead's contact wants into its row.
async fn wants(phones: &Phones, lead: LeadId, column: &str, value: &str) {
    let world = &phones.world;
    let row = leads::get(&world.store.db, world.workspace, lead).await.unwrap().unwrap();
    let sql = format!("UPDATE contact SET {column} = {value} WHERE workspace_id = $1 AND id = $2");
    world
        .store
        .db
        .write()
        .made(sql)
        .bind(world.workspace)
        .bind(row.contact_id)
        .run()
        .await
        .unwrap();
}

/// From now on, who is claimed for a call or a text has just said no: in the very transaction that claims it.
async fn say_no_with_every_claim(phones: &Phones, hash: &str) {
    let say = format!(
        "INSERT INTO suppression (workspace_id, channel, person_hash, reason, source, created_at)
         VALUES (NEW.workspace_id, 'all', '{hash}', 'manual', 'x', NEW.updated_at) ON CONFLICT DO NOTHING"
    );
    for (table, state) in [("interaction", "placing"), ("message", "sending")] {
        let texts = match phones.world.store.db.engine() {
            Engine::Postgres => vec![
                format!(
                    "CREATE FUNCTION no_{table}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {}; RETURN NEW; END'",
                    say.replace('\'', "''")
                ),
                format!(
                    "CREATE TRIGGER no AFTER UPDATE ON {table} FOR EACH ROW WHEN (NEW.state = '{state}') EXECUTE FUNCTION no_{table}()"
                ),
            ],
            Engine::Sqlite => vec![format!(
                "CREATE TRIGGER no_{table} AFTER UPDATE ON {table} WHEN NEW.state = '{state}' BEGIN {say}; END"
            )],
        };
        for text in texts {
            phones.world.store.db.write().made(text).run().await.unwrap();
        }
    }
}

on_both_engines! {
    async fn what_is_said_between_planning_and_sending_counts(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        let nobody = async |lead| (phones.orders(), phones.stands(lead).await);
        let dnc = (0, "finished dnc".to_owned());
        for (nth, campaign) in campaigns(&phones).await.into_iter().enumerate() {
            let number = |last: usize| format!("+14155558{nth}{last:02}");
            let out = ["opt_out_phone", "opt_out_sms"][nth];
            let listed = phones.lead(campaign, &number(1)).await;
            let opted = phones.lead(campaign, &number(2)).await;
            phones.stages_only().await;
            assert_eq!(phones.world.store.db.read().sql("SELECT COUNT(*) FROM interaction WHERE lead_id = $1")
                .bind(listed).scalar::<i64>().await.unwrap(), 1, "it is planned");
            suppress(&phones, &number(1), None).await;
            wants(&phones, opted, out, "TRUE").await;
            phones.settle().await;
            assert_eq!(nobody(listed).await, dnc, "{out}");
            assert_eq!(nobody(opted).await, dnc, "{out}");
        }
    }

    async fn a_contact_that_is_to_be_left_alone_is_reached_afterwards(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (nth, campaign) in campaigns(&phones).await.into_iter().enumerate() {
            let (before, number) = (phones.orders(), format!("+1415555800{nth}"));
            let lead = phones.lead(campaign, &number).await;
            phones.stages_only().await;
            let until = phones.world.clock.now() + Duration::minutes(90);
            wants(&phones, lead, "do_not_contact_until", &format!("'{}'", until.to_rfc3339())).await;
            phones.settle().await;
            assert_eq!((phones.orders() - before, phones.stands(lead).await.as_str()), (0, "parked pending_action"));
            phones.later(Duration::minutes(89)).await;
            assert_eq!(phones.orders() - before, 0, "not yet");
            phones.later(Duration::minutes(2)).await;
            assert_eq!(phones.orders() - before, 1, "now");
        }
    }

    async fn what_is_said_with_the_claim_stops_the_request_itself(store: TestStore) {
        let phones = Phones::new(store, Run::Plain).await;
        let campaigns = campaigns(&phones).await;
        let known_as = hash(&phones, ADA).await;
        say_no_with_every_claim(&phones, &known_as).await;
        for campaign in campaigns {
            let before = phones.world.store.db.write().sql("DELETE FROM suppression").run().await;
            before.unwrap();
            let lead = phones.reached(campaign, ADA).await;
            let said = suppressions::find(&phones.world.store.db, Person { workspace: phones.world.workspace, hash: &known_as });
            assert_eq!(said.await.unwrap().len(), 1, "it was claimed");
            assert_eq!((phones.orders(), phones.stands(lead).await.as_str()), (0, "finished dnc"));
        }
    }

    async fn a_suppression_ends_when_it_was_said_to(store: TestStore) {
        let phones = Phones::new(store, Run::Plain).await;
        let [calling, _] = campaigns(&phones).await;
        suppress(&phones, ADA, Some(phones.world.clock.now() + Duration::minutes(5))).await;
        let first = phones.reached(calling, ADA).await;
        assert_eq!((phones.orders(), phones.stands(first).await.as_str()), (0, "finished dnc"));
        phones.later(Duration::minutes(5)).await;
        phones.reached(calling, ADA).await;
        assert_eq!(phones.orders(), 1);
    }
}
