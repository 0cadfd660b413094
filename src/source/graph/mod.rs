//! Microsoft Graph as a source.
