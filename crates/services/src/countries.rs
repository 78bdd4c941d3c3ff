//! Looks up the country of an IP address in a MaxMind database (GeoLite2 or GeoIP2, country or city).

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, geoip2};

/// A country database, read into memory. A replaced file is read when the configuration is reloaded.
pub struct Countries(Reader<Vec<u8>>);

impl std::fmt::Debug for Countries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Countries").field(&self.0.metadata().database_type).finish()
    }
}

impl Countries {
    /// Reads a database.
    ///
    /// # Errors
    /// The file can't be read, or is not such a database.
    pub fn open(path: &Path) -> Result<Self, String> {
        let reader = Reader::open_readfile(path).map_err(|error| error.to_string())?;
        let kind = &reader.metadata().database_type;
        if !["Country", "City", "Enterprise"].iter().any(|known| kind.contains(known)) {
            return Err(format!("is a {kind} database, which contains no countries"));
        }
        Ok(Self(reader))
    }

    /// The English name of the country that an address is in; `None` if the database doesn't know it,
    /// such as for private addresses.
    pub fn of(&self, address: IpAddr) -> Option<String> {
        let found: geoip2::Country<'_> = self.0.lookup(address).ok()?.decode().ok()??;
        let country = if found.country.is_empty() { &found.registered_country } else { &found.country };
        country.names.english.or(country.iso_code).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_country_or_nowhere() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/portal/data/GeoLite2-Country-Test.mmdb");
        let countries = Countries::open(&file).unwrap();
        assert_eq!(countries.of("89.160.20.112".parse().unwrap()).as_deref(), Some("Sweden"));
        assert_eq!(countries.of("127.0.0.1".parse().unwrap()), None);
        assert_eq!(countries.of("192.0.2.1".parse().unwrap()), None);
        assert!(Countries::open(Path::new("/nowhere.mmdb")).is_err());
    }
}
