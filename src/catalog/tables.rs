//! The compiled-in tables, written by `build.rs` from `catalog/`. They are constant data: nothing runs at start-up.

use std::borrow::Cow;

use super::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use super::price;
use super::provider::{
    Auth, BodyPolicy, Dialect, Endpoint, ErrorRule, KeyPolicy, Mend, OutputLimitName, Prefill, PriceHours,
    ProviderSpec, QuotaHeaders, QuotaReset, ReportedCost, StreamUsage, Text,
};
use super::quirk::{Quirk, Quirks};
use super::reasoning::{
    ModelReasoning, ReasoningBudget, ReasoningControl, ReasoningHistory, ReasoningSpec, ReasoningText,
};
use crate::routing::failure::ErrorClass;

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));
