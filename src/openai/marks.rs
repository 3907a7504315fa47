//! What messages have that some providers refuse or want in another form, as small sets.

/// A member of a message that some providers refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageMember {
    /// The name of a participant.
    Name,
    /// The reasoning of an earlier answer.
    Reasoning,
    /// The same as other providers call it.
    ReasoningContent,
    /// The same in signed or encrypted blocks.
    ReasoningDetails,
    /// What an answer quotes; OpenAI's are sent back with `[]`.
    Annotations,
    /// Why an earlier answer was refused.
    Refusal,
    /// Images of an earlier answer.
    Images,
    /// Sound of an earlier answer.
    Audio,
}

impl MessageMember {
    /// Every such member.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Reasoning,
        Self::ReasoningContent,
        Self::ReasoningDetails,
        Self::Annotations,
        Self::Refusal,
        Self::Images,
        Self::Audio,
    ];

    /// The key in a message.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Reasoning => "reasoning",
            Self::ReasoningContent => "reasoning_content",
            Self::ReasoningDetails => "reasoning_details",
            Self::Annotations => "annotations",
            Self::Refusal => "refusal",
            Self::Images => "images",
            Self::Audio => "audio",
        }
    }

    /// The name in the `drops` of the catalogue and in `x-gateway-dropped-params`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Name => "messages.name",
            Self::Reasoning => "messages.reasoning",
            Self::ReasoningContent => "messages.reasoning_content",
            Self::ReasoningDetails => "messages.reasoning_details",
            Self::Annotations => "messages.annotations",
            Self::Refusal => "messages.refusal",
            Self::Images => "messages.images",
            Self::Audio => "messages.audio",
        }
    }
}

/// A set of such members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageMembers(u8);

impl MessageMembers {
    const fn bit(member: MessageMember) -> u8 {
        1 << member as u8
    }

    pub(super) fn insert(&mut self, member: MessageMember) {
        self.0 |= Self::bit(member);
    }

    /// The members of the set, in the order of [`MessageMember::ALL`].
    pub fn iter(self) -> impl Iterator<Item = MessageMember> {
        MessageMember::ALL.into_iter().filter(move |&member| self.0 & Self::bit(member) != 0)
    }

    /// Those of the set that `keep` is true for.
    #[must_use]
    pub fn filter(self, keep: impl Fn(MessageMember) -> bool) -> Self {
        let mut kept = Self::default();
        self.iter().filter(|&member| keep(member)).for_each(|member| kept.insert(member));
        kept
    }

    /// Whether `member` is in the set.
    pub const fn has(self, member: MessageMember) -> bool {
        self.0 & Self::bit(member) != 0
    }
}

/// Something in a message that some providers want in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageTrait {
    /// The role is `developer`.
    Developer,
    /// There is an id of a tool call: of one that was made, or that this message answers.
    CallId,
    /// An assistant's message without a content, or with `null`.
    NoContent,
    /// The content is a list of parts that are all text.
    TextParts,
    /// There is a `cache_control`, on the message or on a part of it.
    CacheMark,
    /// There are tool calls that were made.
    Calls,
    /// There is an `extra_content`, on the message or on a tool call.
    ExtraContent,
}

/// What a message has, or what is to be changed in it: members that are left out, and what is put into another form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageMarks {
    /// The members.
    pub members: MessageMembers,
    traits: u8,
}

impl MessageMarks {
    /// Adds a trait.
    pub const fn insert(&mut self, of: MessageTrait) {
        self.traits |= 1 << of as u8;
    }

    /// Whether there is this trait.
    pub const fn has(self, of: MessageTrait) -> bool {
        self.traits & 1 << of as u8 != 0
    }

    /// Whether there is nothing.
    pub const fn is_empty(self) -> bool {
        self.members.0 == 0 && self.traits == 0
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { members: MessageMembers(self.members.0 & other.members.0), traits: self.traits & other.traits }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.members.0 |= other.members.0;
        self.traits |= other.traits;
    }
}
