//! Automation over random histories, on both engines: what is reacted to at once and when it falls due is what a plain retelling of the
//! history says, and looking at everything once more changes nothing.
use shared::on_both_engines;

mod dice;
mod plain;
mod random;
mod told;
mod world;

on_both_engines! {
    /// A few kinds of reactions, told by hand in the plainest way: points, statuses and firings agree.
    async fn the_log_is_what_a_plain_retelling_says(store: TestStore) {
        for seed in 1..=6 {
            told::run(&store, seed, told::Sweeps::EachStep).await;
        }
    }

    /// The scheduler comes when it comes: activities that arrive before it find what was due done as of when it was due.
    async fn a_late_scheduler_changes_nothing(store: TestStore) {
        for seed in 11..=16 {
            told::run(&store, seed, told::Sweeps::Rarely).await;
        }
    }

    /// All kinds of reactions and of things that happen: a full pass after it finds nothing to do, and the books balance.
    async fn a_full_pass_finds_nothing_to_do(store: TestStore) {
        for seed in 21..=26 {
            random::run(&store, seed, 60).await;
        }
    }
}
