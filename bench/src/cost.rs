//! What a phase cost in CPU time, by who spent it.
use crate::{
    buyer::Buyer,
    engines::{Engines, ServerPids},
    machine, proc,
    report::{Report, milliseconds},
    system::{RoleTimes, System},
    trouble::Trouble,
};
use std::time::{Duration, Instant};

/// CPU time since the processes started, or between two moments.
#[derive(Debug)]
pub struct Cost {
    roles: RoleTimes,
    postgres: Option<Duration>,
    redis: Option<Duration>,
    sink: Duration,
    load_generator: Duration,
    machine: Duration,
    at: Instant,
    elapsed: Duration,
}

impl Cost {
    pub async fn now(engines: &Engines, system: &System, buyer: &Buyer) -> Result<Self, Trouble> {
        let ServerPids { postgres, redis } = engines.pids().await?;
        Ok(Self {
            roles: system.cpu(),
            postgres: postgres.map(proc::cpu_of_tree),
            redis: redis.map(proc::cpu_of_tree),
            sink: proc::cpu_of_tree(buyer.pid),
            load_generator: proc::cpu_of(std::process::id()),
            machine: proc::cpu_of_machine(),
            at: Instant::now(),
            elapsed: Duration::ZERO,
        })
    }

    /// What was spent between an earlier moment and this one.
    pub fn since(self, earlier: &Self) -> Self {
        let roles = self.roles.iter().zip(&earlier.roles);
        let spent =
            |now: Option<Duration>, then: Option<Duration>| Some(now?.saturating_sub(then?));
        Self {
            roles: roles.map(|(now, then)| (now.0, now.1.saturating_sub(then.1))).collect(),
            postgres: spent(self.postgres, earlier.postgres),
            redis: spent(self.redis, earlier.redis),
            sink: self.sink.saturating_sub(earlier.sink),
            load_generator: self.load_generator.saturating_sub(earlier.load_generator),
            machine: self.machine.saturating_sub(earlier.machine),
            elapsed: self.at - earlier.at,
            at: self.at,
        }
    }

    /// Says it per lead, and how busy others kept the machine meanwhile; `phase` begins the names.
    pub fn say(&self, report: &mut Report, phase: &str, leads: u64) {
        let per_lead = |time: Duration| milliseconds(time) / leads as f64;
        for (name, time) in &self.roles {
            report.say(format!("{phase}cpu_{name}_ms_per_lead"), per_lead(*time), "ms");
        }
        let own: Duration = self.roles.iter().map(|(_, time)| *time).sum();
        report.say(format!("{phase}cpu_own_ms_per_lead"), per_lead(own), "ms");
        let servers = [("postgres", self.postgres), ("redis", self.redis)];
        for (name, time) in servers.into_iter().filter_map(|(name, time)| Some((name, time?))) {
            report.say(format!("{phase}cpu_{name}_ms_per_lead"), per_lead(time), "ms");
        }
        let all = own + self.postgres.unwrap_or_default() + self.redis.unwrap_or_default();
        report.say(format!("{phase}cpu_total_ms_per_lead"), per_lead(all), "ms");
        report.say(
            format!("{phase}cpu_load_generator_ms_per_lead"),
            per_lead(self.load_generator),
            "ms",
        );
        report.say(format!("{phase}cpu_sink_ms_per_lead"), per_lead(self.sink), "ms");
        let known = all + self.load_generator + self.sink;
        let foreign = self.machine.saturating_sub(known).as_secs_f64();
        let there = self.elapsed.as_secs_f64() * machine::cores() as f64;
        report.say(format!("{phase}cpu_foreign_percent"), 100.0 * foreign / there, "%");
    }
}
