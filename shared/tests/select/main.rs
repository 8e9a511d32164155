//! Rules about contacts: what SQL finds on either engine is what the rule says in memory.
mod leaves;
mod people;
mod properties;
mod rules;
mod world;
