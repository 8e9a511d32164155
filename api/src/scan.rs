//! Strictness that serde does not have by itself: no member twice, no NUL character, no list in the place of an object.
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{collections::HashSet, fmt, marker::PhantomData};

/// A struct that must be written as an object; serde would also take a list of its members in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Any JSON value that is clean; nothing of it is kept.
#[derive(Debug)]
pub struct Clean;

const NUL: &str = "contains a NUL character, which no text may";

impl<'de> Deserialize<'de> for Clean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Clean;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Clean, E> {
        Ok(Clean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Clean, E> {
        Ok(Clean)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Clean, E> {
        Ok(Clean)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Clean, E> {
        Ok(Clean)
    }

    fn visit_unit<E>(self) -> Result<Clean, E> {
        Ok(Clean)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Clean, E> {
        if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(Clean) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Clean, A::Error> {
        while list.next_element::<Clean>()?.is_some() {}
        Ok(Clean)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Clean, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            // The refusal is made in the place of the value, so that its path ends with the key.
            if key.contains('\0') {
                map.next_value_seed(Refuse(NUL))?;
            }
            if !seen.insert(key) {
                map.next_value_seed(Refuse("is given twice; once is allowed"))?;
            }
            map.next_value::<Clean>()?;
        }
        Ok(Clean)
    }
}

struct Refuse(&'static str);

impl<'de> DeserializeSeed<'de> for Refuse {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::custom(self.0))
    }
}
