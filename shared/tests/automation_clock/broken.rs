//! One that cannot be looked at keeps no other waiting.
use crate::world::{Lead, World, silence};
use chrono::TimeDelta;
use serde_json::json;
use shared::{
    on_both_engines,
    store::{
        automation::{due, passes},
        live,
    },
};

/// What nobody can read, as a program that has gone wrong would leave it.
const SPOIL: &str = "UPDATE lead_automation SET memory = CAST('{\"rules\": 5}' AS {pg: jsonb}{lite: text}) WHERE workspace_id = $1 AND lead_id = $2";
const MEND: &str = "UPDATE lead_automation SET memory = CAST('{}' AS {pg: jsonb}{lite: text}) WHERE workspace_id = $1 AND lead_id = $2";

async fn due_leads(world: &World, count: usize) -> Vec<Lead> {
    world.save(&silence(1)).await;
    let leads = world.quiet_leads(count).await;
    world.tick().await;
    world.forward(TimeDelta::days(1));
    leads
}

on_both_engines! {
    async fn a_lead_that_cannot_be_looked_at_is_postponed(store: TestStore) {
        let world = World::new(&store).await;
        let leads = due_leads(&world, 700).await;
        world.run(leads[123], SPOIL).await;
        assert_eq!(due::sweep(world.db(), world.now(), 2_000).await.unwrap(), 700);
        assert_eq!(world.firings().await, (699, 699));
        assert_eq!(world.due_at(leads[123]).await, Some(world.now() + due::POSTPONED));
        assert_eq!(due::sweep(world.db(), world.now(), 2_000).await.unwrap(), 0);
        world.run(leads[123], MEND).await;
        world.forward(due::POSTPONED);
        world.tick().await;
        assert_eq!(world.firings().await, (700, 700));
    }

    async fn a_pass_goes_on_without_it(store: TestStore) {
        let world = World::new(&store).await;
        let leads = due_leads(&world, 700).await;
        world.run(leads[123], SPOIL).await;
        let mut config = silence(1);
        config["scoring"] = json!({"rules": [{"id": "all", "name": "All", "points": 1,
            "when": {"field": "contact.status", "operator": "equals", "value": "active"}}]});
        world.save(&config).await;
        let key = (world.people.workspace, world.campaign);
        while !passes::step(world.db(), key, world.now()).await.unwrap().is_last {}
        assert_eq!(world.firings().await.1, 699);
        assert_eq!(passes::due(world.db(), world.now(), 9).await.unwrap(), []);
    }

    async fn an_automation_that_cannot_be_evaluated_is_taken_up_when_it_can(store: TestStore) {
        let world = World::new(&store).await;
        world.people.property("tier", "text").await;
        let mut config = silence(1);
        config["rules"][0]["when"] = json!({"field": "property.tier", "operator": "isEmpty"});
        world.save(&config).await;
        let lead = world.lead().await;
        world.tick().await;
        property(&world, false).await;
        world.forward(TimeDelta::days(2));
        world.tick().await;
        assert_eq!((world.firings().await, world.due_at(lead).await), ((0, 0), None));
        property(&world, true).await;
        world.forward(TimeDelta::minutes(5));
        world.tick().await;
        assert_eq!(world.firings().await, (1, 1));
    }
}

/// Whether the property may be read by rules.
async fn property(world: &World, indexed: bool) {
    let mut tx = world.db().begin().await.unwrap();
    let query = tx.ex().sql("UPDATE property SET indexed = $2 WHERE workspace_id = $1");
    query.bind(world.people.workspace).bind(indexed).run().await.unwrap();
    live::changed(&mut tx, world.people.workspace).await.unwrap();
    tx.commit().await.unwrap();
}
