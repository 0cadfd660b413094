//! The integration tests: one binary, a module per topic.

#[cfg(test)]
mod cli_display;
#[cfg(test)]
mod cli_front;
#[cfg(test)]
mod cli_report;
#[cfg(test)]
mod cli_story;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod interchange;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod live;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod store;
