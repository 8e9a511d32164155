//! Rules about contacts: what SQL finds on either engine is what the rule says in memory.
mod edges;
mod leaves;
mod people;
mod properties;
mod rules;
mod search;
mod world;
