//! What Google makes of the values it is sent (reseller-api.md §2, §10; exact rules are §12.7).

/// A phone number in Google's form; none if it is not plausible, and then it is dropped without a
/// word (§2). §10: a ten-digit number of the US needs no `+`.
pub(super) fn phone(sent: &str, country: &str) -> Option<String> {
    let sent = sent.trim();
    if sent.chars().any(|c| !(c.is_ascii_digit() || " +-.()/".contains(c))) {
        return None;
    }
    let digits: String = sent.chars().filter(char::is_ascii_digit).collect();
    let national = match (sent.strip_prefix('+'), digits.len()) {
        (Some(rest), _) if rest.contains('+') => return None,
        (Some(_), 11) if digits.starts_with('1') => Some(&digits[1..]),
        (None, 10) if country == "US" => Some(digits.as_str()),
        (Some(_), 7..=15) if !digits.starts_with(['0', '1']) => None,
        _ => return None,
    };
    Some(match national {
        Some(us) => format!("+1 {}-{}-{}", &us[..3], &us[3..6], &us[6..]),
        None => format!("+{}", groups(sent)),
    })
}

/// Groups of digits with one space between them.
fn groups(number: &str) -> String {
    number
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// §10: `New York` came back as `NY`.
pub(super) fn region(sent: &str, country: &str) -> String {
    let state = STATES.iter().find(|(name, _)| country == "US" && sent.eq_ignore_ascii_case(name));
    state.map_or_else(|| sent.to_owned(), |(_, code)| (*code).to_owned())
}

const STATES: [(&str, &str); 51] = [
    ("Alabama", "AL"),
    ("Alaska", "AK"),
    ("Arizona", "AZ"),
    ("Arkansas", "AR"),
    ("California", "CA"),
    ("Colorado", "CO"),
    ("Connecticut", "CT"),
    ("Delaware", "DE"),
    ("District of Columbia", "DC"),
    ("Florida", "FL"),
    ("Georgia", "GA"),
    ("Hawaii", "HI"),
    ("Idaho", "ID"),
    ("Illinois", "IL"),
    ("Indiana", "IN"),
    ("Iowa", "IA"),
    ("Kansas", "KS"),
    ("Kentucky", "KY"),
    ("Louisiana", "LA"),
    ("Maine", "ME"),
    ("Maryland", "MD"),
    ("Massachusetts", "MA"),
    ("Michigan", "MI"),
    ("Minnesota", "MN"),
    ("Mississippi", "MS"),
    ("Missouri", "MO"),
    ("Montana", "MT"),
    ("Nebraska", "NE"),
    ("Nevada", "NV"),
    ("New Hampshire", "NH"),
    ("New Jersey", "NJ"),
    ("New Mexico", "NM"),
    ("New York", "NY"),
    ("North Carolina", "NC"),
    ("North Dakota", "ND"),
    ("Ohio", "OH"),
    ("Oklahoma", "OK"),
    ("Oregon", "OR"),
    ("Pennsylvania", "PA"),
    ("Rhode Island", "RI"),
    ("South Carolina", "SC"),
    ("South Dakota", "SD"),
    ("Tennessee", "TN"),
    ("Texas", "TX"),
    ("Utah", "UT"),
    ("Vermont", "VT"),
    ("Virginia", "VA"),
    ("Washington", "WA"),
    ("West Virginia", "WV"),
    ("Wisconsin", "WI"),
    ("Wyoming", "WY"),
];

/// ISO 3166-1 alpha-2.
pub(super) fn is_country(code: &str) -> bool {
    code.len() == 2 && COUNTRIES.split(' ').any(|known| known == code)
}

const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI \
    BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY \
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN \
    GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
    PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN \
    VU WF WS YE YT ZA ZM ZW";

/// The languages that the Directory API supports (§6).
pub(super) fn is_language(code: &str) -> bool {
    LANGUAGES.split(' ').any(|known| known == code)
}

const LANGUAGES: &str = "af sq am ar hy as az eu bn bg my ca chr zh-HK zh-CN zh-TW hr cs da nl \
    en-GB en et fil fi fr fr-CA gl ka de el gu iw hi hu is id ga it ja kn kk km ko lo lv lt mk ms \
    ml mr mn ne no or fa pl pt-BR pt-PT pa ro ru sr si sk sl es es-419 sw sv ta te th tr uk ur uz \
    vi cy zu";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_take_googles_form() {
        let cases = [
            ("987-654-3210", "US", Some("+1 987-654-3210")),
            ("+1 (987) 654 3210", "US", Some("+1 987-654-3210")),
            ("+49 30/1234-56", "DE", Some("+49 30 1234 56")),
            ("123", "US", None),
            ("+123", "US", None),
            ("030 123456", "DE", None),
            ("+49 030 call me", "DE", None),
            ("++4930123456", "DE", None),
        ];
        for (sent, country, expected) in cases {
            assert_eq!(phone(sent, country).as_deref(), expected, "{sent}");
        }
    }

    #[test]
    fn only_states_of_the_us_are_abbreviated() {
        assert_eq!(region("new york", "US"), "NY");
        assert_eq!(region("New York", "DE"), "New York");
        assert_eq!(region("Bayern", "DE"), "Bayern");
    }

    #[test]
    fn the_lists_are_whole() {
        assert_eq!(COUNTRIES.split_whitespace().count(), 249);
        assert_eq!(LANGUAGES.split_whitespace().count(), 80);
    }
}
