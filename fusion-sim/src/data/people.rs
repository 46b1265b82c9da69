//! People: user accounts with roles, workers with their work relationships.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::auth::{self, Access, USERS, User, roles};
use crate::data::random::{Life, Random};
use crate::data::record::Record;
use crate::data::setup;
use crate::store::Options;

/// Who has written the generated rows.
pub(crate) const OPERATOR: &str = "casey.brown@example.com";
/// How many workers have accounts.
const WORKING_USERS: u64 = 12;
/// How many workers there are; the first of them have accounts.
pub(crate) const WORKERS: u64 = 30;

const GIVEN: [&str; 10] = ["Casey", "Jordan", "María", "Søren", "Yuki", "Aïcha", "Robin", "Anna-Lena", "D'Arcy", "Kim"];
const FAMILY: [&str; 6] = ["Brown", "O'Brien", "Müller", "Nguyễn", "de la Cruz", "Smith; Jr"];

/// Roles of workers, in turn.
const USUAL: [&str; 5] = [
    "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB",
    "ORA_AP_ACCOUNTS_PAYABLE_SPECIALIST_JOB",
    "ORA_GL_GENERAL_ACCOUNTANT_JOB",
    "ORA_FND_IT_SECURITY_MANAGER_JOB",
    "ORA_PER_EMPLOYEE_ABSTRACT",
];

struct Person {
    id: i64,
    number: String,
    given: &'static str,
    family: &'static str,
    username: String,
    hired: Date,
}

fn person(index: u64) -> Person {
    let at = usize::try_from(index).unwrap_or(0);
    let given = GIVEN.get(at % GIVEN.len()).copied().unwrap_or_default();
    let family = FAMILY.get(at % FAMILY.len()).copied().unwrap_or_default();
    let plain: String = format!("{given}.{family}")
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_ascii_alphabetic() || *letter == '.')
        .collect();
    let username = if index == 0 { OPERATOR.to_owned() } else { format!("{plain}{index}@example.com") };
    let year = 2012_i16.saturating_add(i16::try_from(index % 12).unwrap_or(0));
    Person {
        id: 300_000_700_000_021_i64.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(19)),
        number: (1001 + index).to_string(),
        given,
        family,
        username,
        hired: date(year, 3, 1),
    }
}

/// Id, name and e-mail of a worker.
pub(crate) fn identity(index: u64) -> (i64, String, String) {
    let person = person(index % WORKERS);
    (person.id, format!("{} {}", person.given, person.family), person.username)
}

/// The users that sign in and are no workers.
fn accounts() -> impl Iterator<Item = &'static User> {
    USERS.iter().filter(|user| user.username != OPERATOR)
}

/// How many user accounts there are: those of workers, then those of integrations.
pub(crate) fn users() -> u64 {
    WORKING_USERS.saturating_add(u64::try_from(accounts().count()).unwrap_or(0))
}

/// A row of `userAccounts`.
pub(crate) fn user(options: &Options, index: u64) -> Record {
    let mut random = Random::of(options.seed, "userAccounts", index);
    let account = index.checked_sub(WORKING_USERS).and_then(|at| accounts().nth(usize::try_from(at).unwrap_or(0)));
    let life = Life::of(options.start, &mut random, index, users());
    let high = random.below(u64::MAX);
    let guid = format!("{high:016X}{:016X}", random.below(u64::MAX));
    let record = Record::new().set("GUID", guid).set("CredentialsEmailSentFlag", account.is_none()).life(&life);
    let (record, user_id, roles) = match account {
        Some(user) => {
            let id = 300_000_850_000_017_i64.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(23));
            let suspended = user.access == Access::Suspended;
            (record.set("Username", user.username).set("SuspendedFlag", suspended), id, user.roles.to_vec())
        }
        None => {
            let person = person(index);
            let roles = match auth::find(&person.username) {
                Some(user) => user.roles.to_vec(),
                None => {
                    let at = usize::try_from(index).unwrap_or(0);
                    USUAL.iter().cycle().skip(at).take(1 + at % 3).copied().collect()
                }
            };
            let id = person.id.saturating_add(100_000_000);
            let record = record
                .set("Username", person.username)
                .set("PersonId", person.id)
                .set("PersonNumber", person.number)
                .set("SuspendedFlag", index % 6 == 5);
            (record, id, roles)
        }
    };
    let rows = roles.into_iter().filter_map(roles::find).zip(1_i64..).map(|(role, nth)| {
        Record::new()
            .set("UserRoleId", user_id.saturating_mul(10).saturating_add(nth))
            .set("RoleId", role.id)
            .set("RoleCode", role.code)
            .set("RoleName", role.name)
            .life(&life)
    });
    record.set("UserId", user_id).child("userAccountRoles", rows.collect())
}

/// A row of `workers`; the one behind the last is hired a month after the pod's start. Its children have changed at other times than itself (FACTS 8, I2).
pub(crate) fn worker(options: &Options, index: u64) -> Record {
    let mut random = Random::of(options.seed, "workers", index);
    let life = Life::of(options.start, &mut random, index, WORKERS);
    let later = Life::of(options.start, &mut random, index + 1, WORKERS + 1);
    let mut person = person(index);
    if index == WORKERS {
        let day = options.start.to_zoned(TimeZone::UTC).date();
        person.hired = day.checked_add(30.days()).unwrap_or(day);
    }
    let unit = setup::unit(index);
    let open = date(4712, 12, 31);
    let name = Record::new()
        .set("PersonNameId", person.id.saturating_add(1_000_000))
        .set("EffectiveStartDate", person.hired)
        .set("EffectiveEndDate", open)
        .set("LegislationCode", unit.country_code)
        .set("LastName", person.family)
        .set("FirstName", person.given)
        .set("DisplayName", format!("{} {}", person.given, person.family))
        .set("FullName", format!("{}, {}", person.family, person.given))
        .life(&later);
    let email = Record::new()
        .set("EmailAddressId", person.id.saturating_add(2_000_000))
        .set("EmailType", "W1")
        .set("EmailAddress", person.username.as_str())
        .set("FromDate", person.hired)
        .set("PrimaryFlag", true)
        .life(&later);
    let assignment = Record::new()
        .set("AssignmentId", person.id.saturating_add(3_000_000))
        .set("AssignmentNumber", format!("E{}", person.number))
        .set("AssignmentName", "Accountant")
        .set("ActionCode", "HIRE")
        .set("EffectiveStartDate", person.hired)
        .set("EffectiveEndDate", open)
        .set("BusinessUnitName", unit.name)
        .set("AssignmentType", "E")
        .set("AssignmentStatusType", "ACTIVE")
        .set("ManagerFlag", index.is_multiple_of(10))
        .life(&later);
    let relationship = Record::new()
        .set("PeriodOfServiceId", person.id.saturating_add(4_000_000))
        .set("LegalEmployerName", unit.legal_entity)
        .set("WorkerType", "E")
        .set("PrimaryFlag", true)
        .set("StartDate", person.hired)
        .life(&life)
        .child("assignments", vec![assignment]);
    Record::new()
        .set("PersonId", person.id)
        .set("PersonNumber", person.number)
        .set("CorrespondenceLanguage", "US")
        .set("DateOfBirth", date(1980, 5, 17))
        .life(&life)
        .child("names", vec![name])
        .child("emails", vec![email])
        .child("workRelationships", vec![relationship])
}

/// A row of `publicWorkers`.
pub(crate) fn public_worker(index: u64) -> Record {
    let person = person(index);
    let unit = setup::unit(index);
    let assignment = Record::new()
        .set("AssignmentId", person.id.saturating_add(3_000_000))
        .set("AssignmentNumber", format!("E{}", person.number))
        .set("AssignmentName", "Accountant")
        .set("BusinessUnitName", unit.name)
        .set("LegalEmployerName", unit.legal_entity)
        .set("PrimaryFlag", true)
        .set("StartDate", person.hired)
        .set("WorkerType", "E");
    Record::new()
        .set("PersonId", person.id)
        .set("PersonNumber", person.number)
        .set("FirstName", person.given)
        .set("LastName", person.family)
        .set("DisplayName", format!("{} {}", person.given, person.family))
        .set("FullName", format!("{} {}", person.given, person.family))
        .set("Username", person.username.as_str())
        .set("WorkEmail", person.username.as_str())
        .child("assignments", vec![assignment])
}
