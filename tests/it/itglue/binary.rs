//! The verbs, over HTTP: `deliver`, `get itglue`, `doctor`.
