//! The integration tests: one binary, a module per topic.

#[cfg(test)]
mod actual;
#[cfg(test)]
mod bms;
#[cfg(test)]
mod cli_display;
#[cfg(test)]
mod cli_front;
#[cfg(test)]
mod cli_report;
#[cfg(test)]
mod cli_save;
#[cfg(test)]
mod cli_story;
#[cfg(test)]
mod connect;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod interchange;
#[cfg(test)]
mod itglue;
#[cfg(test)]
mod kaseya;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod live;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod nested;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod remote_cli;
#[cfg(test)]
mod run;
#[cfg(test)]
mod said;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod server;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod store;
#[cfg(test)]
mod vault;
