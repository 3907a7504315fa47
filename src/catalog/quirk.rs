//! The ways in which a provider wants parts of a request in another form than OpenAI's. A provider's row names those that
//! it has; `dialect/openai/` does what they say.

/// One such way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// It does not know the role `developer`: such messages are sent as `system`.
    NoDeveloperRole,
    /// An assistant's message must have a content: `""` is sent for none.
    NoNullContent,
    /// It takes no list of parts where all of them are text: the texts are sent as one, each on a new line.
    NoTextParts,
    /// Ids of tool calls must be nine letters or digits: others are replaced by nine that are made of them.
    NineCharacterCallIds,
    /// It says `any` where OpenAI says `required`.
    AnyForRequired,
    /// It refuses `additionalProperties: false` in the parameters of tools.
    NoAdditionalProperties,
    /// Its models refuse several calls at once, and say so only when they happen: where tools are offered and the client
    /// says nothing, they are told to make one.
    OneCallAtATime,
    /// `stop` must be a list: a single string is sent as a list of one.
    StopList,
    /// It routes by itself and ignores what a model lacks: the wish that nothing be ignored is passed on to it.
    RequireParameters,
    /// It takes `cache_control`, the marks of a prompt cache; others are sent none.
    CacheMarks,
    /// Its tool calls carry signatures of thoughts in `extra_content`, and it refuses a history without them where a model is
    /// told a level of thought: one that is lost is replaced by the word that stands for it. Others are sent none.
    CallSignatures,
    /// JSON mode is 400 where no message says the word JSON: where none does, an instruction to answer in JSON is added.
    JsonInPrompt,
}

impl Quirk {
    /// Every quirk.
    pub const ALL: [Self; 12] = [
        Self::NoDeveloperRole,
        Self::NoNullContent,
        Self::NoTextParts,
        Self::NineCharacterCallIds,
        Self::AnyForRequired,
        Self::NoAdditionalProperties,
        Self::OneCallAtATime,
        Self::StopList,
        Self::RequireParameters,
        Self::CacheMarks,
        Self::CallSignatures,
        Self::JsonInPrompt,
    ];

    /// The word in the catalogue and in `GATEWAY_CONFIG`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoDeveloperRole => "no_developer_role",
            Self::NoNullContent => "no_null_content",
            Self::NoTextParts => "no_text_parts",
            Self::NineCharacterCallIds => "nine_character_call_ids",
            Self::AnyForRequired => "any_for_required",
            Self::NoAdditionalProperties => "no_additional_properties",
            Self::OneCallAtATime => "one_call_at_a_time",
            Self::StopList => "stop_list",
            Self::RequireParameters => "require_parameters",
            Self::CacheMarks => "cache_marks",
            Self::CallSignatures => "call_signatures",
            Self::JsonInPrompt => "json_in_prompt",
        }
    }
}

/// A set of quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u16);

impl Quirks {
    /// The set of those in `list`.
    pub const fn of(mut list: &[Quirk]) -> Self {
        let mut set = 0;
        while let [first, rest @ ..] = list {
            set |= 1 << *first as u16;
            list = rest;
        }
        Self(set)
    }

    /// Whether `quirk` is in the set.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & 1 << quirk as u16 != 0
    }
}
