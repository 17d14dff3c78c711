// _traceback_support: what the traceback module shares with the VM's own printing of exceptions.
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/traceback_internal.h"

namespace mp {

namespace {

Result<int32_t> column_argument(Thread& t, Value v) {
  if (v.is_none()) return -1;
  return static_cast<int32_t>(TRY(to_c_int(t, v)));
}

Result<Value> source_text(Thread& t, const Value* args) {
  Value items = TRY(to_list(t, args[0]));
  auto* list = items.as<ListObject>();
  std::vector<std::string> lines;
  for (size_t i = 0; i < list->length(); ++i) {
    Value line = list->at(i);
    if (!is_str(line)) return t.raise(Exc::TypeError, "lines must be str, not {}", type_name(t, line));
    std::string text = to_utf8(line.as<StrObject>());
    text.erase(text.find_last_not_of(" \t\r\f\v") + 1);
    lines.push_back(std::move(text));
  }
  if (lines.empty()) return make_str(t, "");
  int32_t column = TRY(column_argument(t, args[1])), end = TRY(column_argument(t, args[2]));
  return str_or_error(make_str(t, format_lines(lines, column, end)));
}

Result<Value> suggestion(Thread& t, const Value* args) { return make_str(t, suggestion_for(t, args[0])); }

Result<Value> source_of(Thread& t, const Value* args) {
  if (!is_str(args[0])) return kNone;
  std::string text = registered_source(t, to_utf8(args[0].as<StrObject>()));
  return text.empty() ? Result<Value>(kNone) : str_or_error(make_str(t, text));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(source_of, "source_of(filename, /)",
                "The text that stands for a name such as '<string>', or None."),
    MP_FUNCTION(source_text, "source_text(lines, column, end_column, /)",
                "The lines indented, with carets below unless column is None (columns in bytes)."),
    MP_FUNCTION(suggestion, "suggestion(exception, /)", "'. Did you mean: ...?' or an empty text."), MP_END};

}  // namespace

extern const ModuleSpec kTracebackSupportModule;
const ModuleSpec kTracebackSupportModule = {"_traceback_support", nullptr, kFunctions};

}  // namespace mp
