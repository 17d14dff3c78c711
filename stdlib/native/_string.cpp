// _string: the parser of str.format's markup, for string.Formatter.
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/format_markup.h"
#include "vm/types/number.h"

namespace mp {

namespace {

Result<Value> formatter_parser(Thread& t, const Value* args) {
  if (!is_str(args[0])) return t.raise(Exc::TypeError, "expected str, got {}", type_name(t, args[0]));
  auto* text = args[0].as<StrObject>();
  ListObject* out = make_list(t);
  MarkupIterator markup(text, 0, text->length());
  MarkupField field;
  while (TRY(markup.next(t, &field))) {
    Value literal = TRY(str_or_error(str_slice(t, text, field.literal_begin, field.literal_end)));
    Value name = kNone, spec = kNone, conversion = kNone;
    if (field.present) {
      name = TRY(str_or_error(str_slice(t, text, field.name_begin, field.name_end)));
      spec = field.spec_end > field.spec_begin
                 ? TRY(str_or_error(str_slice(t, text, field.spec_begin, field.spec_end)))
                 : Value(empty_str(t));
      if (field.conversion != 0) conversion = TRY(str_or_error(make_str_char(t, field.conversion)));
    }
    TRY(list_append(t, out, make_tuple(t, {literal, name, spec, conversion})));
  }
  return get_iter(t, out);
}

Result<Value> formatter_field_name_split(Thread& t, const Value* args) {
  if (!is_str(args[0])) return t.raise(Exc::TypeError, "expected str, got {}", type_name(t, args[0]));
  auto* text = args[0].as<StrObject>();
  size_t end = text->length(), first_end = markup_first_end(text, 0, end);
  int64_t index = TRY(markup_integer(t, text, 0, first_end));
  Value first = index != -1 ? make_int(t, index) : TRY(str_or_error(str_slice(t, text, 0, first_end)));
  ListObject* rest = make_list(t);
  FieldPath path(text, first_end, end);
  FieldStep step;
  while (TRY(path.next(t, &step))) {
    Value key = !step.is_attribute && step.index != -1
                    ? make_int(t, step.index)
                    : TRY(str_or_error(str_slice(t, text, step.begin, step.end)));
    TRY(list_append(t, rest, make_tuple(t, {Value::from_bool(step.is_attribute), key})));
  }
  return Value(make_tuple(t, {first, TRY(get_iter(t, rest))}));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(formatter_parser, "formatter_parser(string, /)", "parse the argument as a format string"),
    MP_FUNCTION(formatter_field_name_split, "formatter_field_name_split(string, /)",
                "split the argument as a field name"),
    MP_END};

}  // namespace

extern const ModuleSpec kStringModule;
const ModuleSpec kStringModule = {"_string", "string helper module", kFunctions};

}  // namespace mp
