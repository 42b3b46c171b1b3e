//! The legal notes of a document: which mention the law asks for, and on which lines. It knows each note's article, not its
//! words in a language, and not when a note applies: that is decided with the tax.

/// A mention that article 226 of Directive 2006/112/EC asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegalNote {
    /// The customer is liable for the tax on a service from another Member State (article 226, point 11a).
    ReverseCharge,
    /// The customer is liable for the tax within one Member State, as for construction work (point 11a).
    DomesticReverseCharge,
    /// Goods go to a taxable person in another Member State, exempt (point 11).
    IntraCommunitySupply,
    /// The middle one of three parties supplies goods that go straight to the last (points 11 and 11a).
    TriangularSupply,
    /// Goods leave the Union, exempt (point 11).
    Export,
    /// Exempt in the public interest, such as health care and education, or as finance and insurance are (point 11).
    ExemptSupply,
    /// Exempt for who buys: an embassy, a consulate or an international body (point 11).
    ExemptCustomer,
    /// The seller is a small enterprise, exempt (point 11).
    SmallEnterprise,
    /// The place of supply is outside of the Union: no tax of it is due.
    OutsideScope,
    /// The tax falls due when the price is paid (point 7a).
    CashAccounting,
    /// The customer issues the invoice (point 10a).
    SelfBilling,
    /// Taxed by the margin of a travel agent (point 13).
    MarginSchemeTravelAgents,
    /// Taxed by the margin on second-hand goods (point 14).
    MarginSchemeSecondHandGoods,
    /// Taxed by the margin on works of art (point 14).
    MarginSchemeWorksOfArt,
    /// Taxed by the margin on collectors' items and antiques (point 14).
    MarginSchemeCollectorsItems,
}

impl LegalNote {
    /// Every note, in the order of the enum.
    pub const ALL: [Self; 15] = [
        Self::ReverseCharge,
        Self::DomesticReverseCharge,
        Self::IntraCommunitySupply,
        Self::TriangularSupply,
        Self::Export,
        Self::ExemptSupply,
        Self::ExemptCustomer,
        Self::SmallEnterprise,
        Self::OutsideScope,
        Self::CashAccounting,
        Self::SelfBilling,
        Self::MarginSchemeTravelAgents,
        Self::MarginSchemeSecondHandGoods,
        Self::MarginSchemeWorksOfArt,
        Self::MarginSchemeCollectorsItems,
    ];

    /// The articles of Directive 2006/112/EC by which it applies, such as `196`; several in the order of the directive.
    pub const fn articles(self) -> &'static [&'static str] {
        match self {
            Self::ReverseCharge => &["44", "196"],
            Self::DomesticReverseCharge => &["199"],
            Self::IntraCommunitySupply => &["138"],
            Self::TriangularSupply => &["141", "197"],
            Self::Export => &["146"],
            Self::ExemptSupply => &["132", "135"],
            Self::ExemptCustomer => &["151"],
            Self::SmallEnterprise => &["284"],
            Self::OutsideScope => &["2"],
            Self::CashAccounting => &["66"],
            Self::SelfBilling => &["224"],
            Self::MarginSchemeTravelAgents => &["306"],
            Self::MarginSchemeSecondHandGoods | Self::MarginSchemeWorksOfArt | Self::MarginSchemeCollectorsItems => {
                &["313"]
            }
        }
    }
}

/// A note with the lines that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedNote {
    /// The note.
    pub note: LegalNote,
    /// Indexes of the lines, from 0, each once and ascending; empty for all lines.
    pub lines: Vec<usize>,
}

impl AppliedNote {
    /// A note on the whole document.
    pub const fn on_all(note: LegalNote) -> Self {
        Self { note, lines: Vec::new() }
    }
}
