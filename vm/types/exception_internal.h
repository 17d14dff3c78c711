// What the files of the builtin exceptions share. Nobody else includes it.
#pragma once
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/type_internal.h"

namespace mp {

Exc os_error_kind(int error_number);
// Fills the class-specific fields from the arguments, as the class's __init__ does. `kind` is the nearest
// builtin class.
Status initialise_exception(Thread& t, ExceptionObject* e, Exc kind, const CallArgs& args);
Exc builtin_kind(Thread& t, const Type* type);  // the nearest builtin exception class

// Positions in ExceptionObject::fields.
enum OsField { kOsErrno, kOsStrerror, kOsFilename, kOsFilename2, kOsWritten };
enum ImportField { kImportMsg, kImportName, kImportPath, kImportNameFrom };
enum NameField { kNameName, kNameObj };
enum SyntaxField {
  kSyntaxMsg,
  kSyntaxFilename,
  kSyntaxLine,
  kSyntaxOffset,
  kSyntaxText,
  kSyntaxEndLine,
  kSyntaxEndOffset,
  kSyntaxPrint
};
enum UnicodeField { kUnicodeEncoding, kUnicodeObject, kUnicodeStart, kUnicodeEnd, kUnicodeReason };
enum GroupField { kGroupMessage, kGroupExceptions };

template <int I>
Result<Value> get_field(Thread&, Value self) {
  Value v = self.as<ExceptionObject>()->fields[I];
  return v.is_empty() ? kNone : v;
}
template <int I>
Status set_field(Thread&, Value self, Value value) {
  self.as<ExceptionObject>()->fields[I] = value;
  return {};
}

// exception_group.cpp
extern const NativeDef kGroupMethods[];
extern const GetSetDef kGroupGetSets[];
Result<Value> group_str(Thread& t, Value self);
Result<Value> group_repr(Thread& t, Value self);
// exception_unicode.cpp
Status unicode_init(Thread& t, ExceptionObject* e, Exc kind, const CallArgs& args);
Result<Value> unicode_str(Thread& t, Value self);
extern const GetSetDef kUnicodeGetSets[];
// exception_types.cpp
Result<Value> base_repr(Thread& t, Value self);
Result<Value> base_str(Thread& t, Value self);

}  // namespace mp
