//! The contract as its descriptors tell it: methods, messages, and what is said of each field.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor};

/// The package of everything.
const PACKAGE: &str = "paylinks.v1";

#[expect(clippy::expect_used, reason = "the descriptors are a part of the program")]
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(api_proto::FILE_DESCRIPTOR_SET).expect("the descriptors can be read"));

/// All descriptors.
pub(crate) fn pool() -> &'static DescriptorPool {
    &POOL
}

/// A method by its name, such as `InvoiceService.GetInvoice`.
///
/// # Panics
/// There is none: names are those of the table of commands, which a test holds to the contract.
#[expect(clippy::panic, reason = "a test holds the table to the contract")]
pub(crate) fn method(name: &str) -> MethodDescriptor {
    let (service, method) = name.split_once('.').unwrap_or_default();
    let service = pool().get_service_by_name(&format!("{PACKAGE}.{service}"));
    let found = service.and_then(|service| service.methods().find(|found| found.name() == method));
    found.unwrap_or_else(|| panic!("{name} is not in the contract"))
}

/// Where a method is called.
pub(crate) fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// What the contract says of a method.
pub(crate) fn about_method(method: &MethodDescriptor) -> String {
    comment(&method.parent_file(), method.path())
}

/// What the contract says of a field.
pub(crate) fn about_field(field: &FieldDescriptor) -> String {
    comment(&field.parent_file(), field.path())
}

fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let comment = locations.filter(|location| location.path == path).find_map(|it| it.leading_comments.as_deref());
    let lines = comment.unwrap_or_default().lines().map(str::trim);
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The first sentence of a comment, without its full stop.
pub(crate) fn first_sentence(comment: &str) -> String {
    let end = comment.find(". ").unwrap_or(comment.len());
    comment[..end].trim_end_matches('.').to_owned()
}

/// The field that is changed by an update: a message beside a mask.
pub(crate) fn updated_field(request: &MessageDescriptor) -> Option<FieldDescriptor> {
    request.get_field_by_name("update_mask")?;
    request.fields().find(|field| field.kind().as_message().is_some() && field.name() != "update_mask")
}

/// Whether a method answers page by page.
pub(crate) fn is_list(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("page_size").is_some()
}

/// Whether a method changes something.
pub(crate) fn is_mutation(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("request_id").is_some()
}

/// The one field of a response that has no other: what people mean by the answer.
pub(crate) fn sole_field(response: &MessageDescriptor) -> Option<FieldDescriptor> {
    let mut fields = response.fields();
    fields.next().filter(|_| fields.next().is_none())
}
