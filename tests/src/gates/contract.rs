//! The contract as its descriptors tell it: the methods, and the texts in their requests.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// A method.
pub(super) struct Method {
    /// Such as `InvoiceService/GetInvoice`.
    pub(super) name: String,
    /// The fields of its request that are texts, those of the messages in it among them.
    pub(super) texts: Vec<Text>,
    /// The number of the request's field `seller_id`.
    pub(super) seller_id: Option<i32>,
    /// The number of the request's field `update_mask`.
    pub(super) update_mask: Option<i32>,
}

impl Method {
    pub(super) fn path(&self) -> String {
        format!("/paylinks.v1.{}", self.name)
    }
}

/// A text in a request.
pub(super) struct Text {
    /// Such as `lines.price_id`; of a map, `metadata.key` and `metadata.value`.
    pub(super) path: String,
    /// The numbers of the fields on the way there.
    pub(super) numbers: Vec<i32>,
    /// Whether it is in a thing that is stored, as updates have: they name its id, and change what their mask allows.
    pub(super) is_of_stored: bool,
    /// Whether it is the key or the value of a map.
    pub(super) is_in_map: bool,
}

/// Every method.
pub(super) fn methods() -> Vec<Method> {
    let set = FileDescriptorSet::decode(api_proto::FILE_DESCRIPTOR_SET).unwrap();
    let files: Vec<_> = set.file.iter().filter(|file| file.package() == "paylinks.v1").collect();
    let mut messages = BTreeMap::new();
    for message in files.iter().flat_map(|file| &file.message_type) {
        let name = format!(".paylinks.v1.{}", message.name());
        messages.extend(message.nested_type.iter().map(|inner| (format!("{name}.{}", inner.name()), inner)));
        messages.insert(name, message);
    }
    let mut all = Vec::new();
    for service in files.iter().flat_map(|file| &file.service) {
        for method in &service.method {
            let request = messages[method.input_type()];
            let number = |name: &str| request.field.iter().find(|it| it.name() == name).map(|it| it.number());
            let mut texts = Vec::new();
            find_texts(&messages, request, ("", &[], false), &mut texts);
            all.push(Method {
                name: format!("{}/{}", service.name(), method.name()),
                texts,
                seller_id: number("seller_id"),
                update_mask: number("update_mask"),
            });
        }
    }
    assert!(all.len() > 80, "the descriptors are read");
    all
}

fn find_texts(
    messages: &BTreeMap<String, &DescriptorProto>,
    of: &DescriptorProto,
    (path, numbers, is_of_stored): (&str, &[i32], bool),
    texts: &mut Vec<Text>,
) {
    let is_in_map = of.options.as_ref().is_some_and(|options| options.map_entry());
    let is_of_stored = is_of_stored || (!path.is_empty() && of.field.iter().any(|it| it.name() == "seller_id"));
    for field in &of.field {
        let at = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        let numbers = [numbers, &[field.number()]].concat();
        assert!(numbers.len() < 10, "a message is inside of itself: {at}");
        match (field.r#type(), messages.get(field.type_name())) {
            (Type::String, _) => texts.push(Text { path: at, numbers, is_of_stored, is_in_map }),
            (Type::Message, Some(inner)) => find_texts(messages, inner, (&at, &numbers, is_of_stored), texts),
            _ => {}
        }
    }
}

/// A message that has one text, at the end of these fields.
pub(super) fn with_text(numbers: &[i32], text: &str) -> Vec<u8> {
    let (last, way) = numbers.split_last().unwrap();
    way.iter().rev().fold(field(*last, text.as_bytes()), |inner, number| field(*number, &inner))
}

/// A field of bytes, a text or a message, as protobuf writes it.
pub(super) fn field(number: i32, bytes: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    prost::encoding::encode_varint(u64::try_from(number << 3 | 2).unwrap(), &mut written);
    prost::encoding::encode_varint(bytes.len().try_into().unwrap(), &mut written);
    written.extend_from_slice(bytes);
    written
}
