// The Python-visible side of code objects: attributes, positions, replace(), comparison.
#include "vm/exec/code.h"

#include <cstring>

#include "vm/exec/code_data.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

void trace_code(Object* object, Tracer& tracer) {
  auto* code = static_cast<CodeObject*>(object);
  if (code->unit == nullptr) return;
  code->spare_generators = nullptr;
  tracer.mark_raw(code->constants);
  tracer.mark_raw(code->names);
  tracer.mark_raw(code->functions);
  if (code->constants != nullptr && !code->constants_live_anyway)
    tracer.visit_slots(code->constants, code->constant_count);
  if (code->functions != nullptr) tracer.visit_slots(code->functions, code->function_count);
  tracer.visit(code->filename);
  // Its names are interned, all of them (link_code): they live anyway.
  for (const Slot* names : {&code->local_names, &code->cell_names, &code->free_names})
    if (Value tuple = *names; tuple.is_object()) tracer.mark_leaf(tuple.as_object());
  tracer.visit(code->consts_view);
  for (CacheEntry* e = code->cache_entries.load(std::memory_order_acquire); e != nullptr; e = e->next) {
    tracer.mark_raw(e);  // what it names may die: see cache_entries.cpp
  }
}

CodeObject* self(Value v) { return v.as<CodeObject>(); }

Result<Value> get_name(Thread&, Value v) { return self(v)->name; }
Result<Value> get_qualified_name(Thread&, Value v) { return self(v)->qualified_name; }
Result<Value> get_filename(Thread&, Value v) { return self(v)->filename; }
Result<Value> get_first_line(Thread& t, Value v) { return make_int(t, self(v)->first_line); }
Result<Value> get_argument_count(Thread& t, Value v) { return make_int(t, self(v)->argument_count); }
Result<Value> get_positional_only(Thread& t, Value v) { return make_int(t, self(v)->positional_only_count); }
Result<Value> get_keyword_only(Thread& t, Value v) { return make_int(t, self(v)->keyword_only_count); }
Result<Value> get_local_count(Thread& t, Value v) { return make_int(t, self(v)->local_count); }
Result<Value> get_stack_size(Thread& t, Value v) {
  return make_int(t, self(v)->register_count - self(v)->first_temporary);
}
// 3.14 was the first to show the flag of a docstring.
Result<Value> get_flags(Thread& t, Value v) {
  return make_int(t, self(v)->flags & ~static_cast<int64_t>(lang::kCodeHasDocstring));
}
Result<Value> get_constants(Thread& t, Value v) { return code_constants(t, self(v)); }
Result<Value> get_names(Thread& t, Value v) {
  size_t count = self(v)->unit->names.size();
  TupleObject* tuple = allocate_tuple(t, count);
  for (size_t i = 0; i < count; ++i) tuple->items()[i] = Value(self(v)->names[i]);
  return tuple;
}
Result<Value> get_local_names(Thread&, Value v) { return self(v)->local_names; }
Result<Value> get_cell_names(Thread&, Value v) { return self(v)->cell_names; }
Result<Value> get_free_names(Thread&, Value v) { return self(v)->free_names; }
std::string_view bytes_of(const std::vector<uint64_t>& words) {
  return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint64_t)};
}
Result<Value> get_code(Thread& t, Value v) { return make_bytes(t, bytes_of(self(v)->unit->code)); }
Result<Value> get_line_table(Thread& t, Value v) {
  const auto& p = self(v)->unit->positions;
  return make_bytes(t, {reinterpret_cast<const char*>(p.data()), p.size()});
}
Result<Value> get_exception_table(Thread& t, Value v) {
  const auto& e = self(v)->unit->exceptions;
  return make_bytes(t, {reinterpret_cast<const char*>(e.data()), e.size() * sizeof(lang::ExceptionRange)});
}
Result<Value> get_lnotab(Thread& t, Value) { return make_bytes(t, ""); }

Value int_or_none(Thread& t, int64_t value, bool known) { return known ? make_int(t, value) : kNone; }

Result<Value> code_positions(Thread& t, const Value* args) {
  CodeObject* code = self(args[0]);
  ListObject* list = make_list(t, code->word_count);
  lang::PositionReader reader(*code->unit);
  while (reader.next()) {
    const lang::CodePosition& p = reader.position();
    bool line = p.line > 0;
    Value item = make_tuple(t, {int_or_none(t, p.line, line), int_or_none(t, p.end_line, line),
                                int_or_none(t, p.column, line && p.column >= 0),
                                int_or_none(t, p.end_column, line && p.end_column >= 0)});
    for (uint32_t i = reader.start(); i < reader.end(); ++i) TRY(list_append(t, list, item));
  }
  return get_iter(t, list);
}

Result<Value> code_lines_iterator(Thread& t, const Value* args) {
  CodeObject* code = self(args[0]);
  const std::vector<LineEntry>& lines = code_lines(code);
  ListObject* list = make_list(t, lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    uint32_t end = i + 1 < lines.size() ? lines[i + 1].start : code->word_count;
    TRY(list_append(t, list,
                    make_tuple(t, {make_int(t, lines[i].start * 2), make_int(t, end * 2),
                                   int_or_none(t, lines[i].line, lines[i].line > 0)})));
  }
  return get_iter(t, list);
}

Status take_names(Thread& t, Value v, std::vector<std::string>* out, const char* what) {
  if (!is_tuple(v))
    return t.raise(Exc::TypeError, "replace() argument '{}' must be tuple, not {}", what, type_name(t, v));
  auto* tuple = v.as<TupleObject>();
  out->clear();
  for (size_t i = 0; i < tuple->size; ++i) {
    if (!is_str((*tuple)[i]))
      return t.raise(Exc::TypeError, "name tuples must contain only strings, not '{}'",
                     type_name(t, (*tuple)[i]));
    out->push_back(to_utf8((*tuple)[i].as<StrObject>()));
  }
  return {};
}

Result<Value> code_replace(Thread& t, Value v, const CallArgs& args) {
  CodeObject* code = self(v);
  if (args.count != 0)
    return t.raise(Exc::TypeError, "replace() takes 0 positional arguments but {} {} given", args.count,
                   args.count == 1 ? "was" : "were");
  std::shared_ptr<lang::CodeUnit> unit = clone_unit(*code->unit);
  Value new_constants{};
  size_t names = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  for (size_t i = 0; i < names; ++i) {
    std::string name = to_utf8((*args.keyword_names.as<TupleObject>())[i].as<StrObject>());
    Value value = args.values[i];
    auto text = [&](std::string* out) -> Status {
      if (!is_str(value))
        return t.raise(Exc::TypeError, "replace() argument '{}' must be str, not {}", name,
                       type_name(t, value));
      *out = to_utf8(value.as<StrObject>());
      return {};
    };
    auto number = [&](auto* out) -> Status {
      int64_t n = TRY(to_int64(t, value));
      if (n < 0) return t.raise(Exc::ValueError, "code: argcount must not be negative");
      *out = static_cast<std::remove_reference_t<decltype(*out)>>(n);
      return {};
    };
    if (name == "co_name")
      TRY(text(&unit->name));
    else if (name == "co_qualname")
      TRY(text(&unit->qualified_name));
    else if (name == "co_filename") {
      std::string file;
      TRY(text(&file));
      unit->filename = std::make_shared<const std::string>(file);
    } else if (name == "co_firstlineno")
      TRY(number(&unit->first_line));
    else if (name == "co_flags") {
      uint32_t docstring = unit->flags & lang::kCodeHasDocstring;
      TRY(number(&unit->flags));
      unit->flags |= docstring;
    } else if (name == "co_argcount")
      TRY(number(&unit->argument_count));
    else if (name == "co_posonlyargcount")
      TRY(number(&unit->positional_only_count));
    else if (name == "co_kwonlyargcount")
      TRY(number(&unit->keyword_only_count));
    else if (name == "co_names")
      TRY(take_names(t, value, &unit->names, "co_names"));
    else if (name == "co_varnames") {
      std::vector<std::string> fresh;
      TRY(take_names(t, value, &fresh, "co_varnames"));
      if (fresh.size() != unit->local_count)
        return t.raise(Exc::ValueError, "code: co_nlocals != len(co_varnames)");
      unit->local_names = fresh;
    } else if (name == "co_freevars")
      TRY(take_names(t, value, &unit->free_names, "co_freevars"));
    else if (name == "co_cellvars")
      TRY(take_names(t, value, &unit->cell_names, "co_cellvars"));
    else if (name == "co_consts") {
      if (!is_tuple(value))
        return t.raise(Exc::TypeError, "replace() argument 'co_consts' must be tuple, not {}",
                       type_name(t, value));
      new_constants = value;
    } else if (name == "co_nlocals" || name == "co_stacksize" || name == "co_code" ||
               name == "co_linetable" || name == "co_exceptiontable") {
      // Accepted where the value is the one the code has: the tables are not interchangeable with CPython's.
    } else {
      return t.raise(Exc::TypeError, "replace() got an unexpected keyword argument '{}'", name);
    }
  }
  if (unit->free_names.size() != code->free_count || unit->cell_names.size() != code->cell_count ||
      unit->names.size() != code->unit->names.size())
    return t.raise(Exc::ValueError, "code: the number of names cannot change");
  if (unit->argument_count + unit->keyword_only_count > unit->local_count)
    return t.raise(Exc::ValueError, "code: varnames is too small");
  CodeObject* made = link_code_parts(t, unit, code->data->functions_of);
  size_t constants = unit->constants.size(), functions = code->data->functions_of->functions.size();
  for (size_t i = 0; i < functions; ++i) made->functions[i] = code->functions[i];
  if (!new_constants.is_empty()) {
    auto* tuple = new_constants.as<TupleObject>();
    if (tuple->size < constants + functions) return t.raise(Exc::ValueError, "code: co_consts is too small");
    for (size_t i = 0; i < constants; ++i) made->constants[i] = (*tuple)[i];
    for (size_t i = 0; i < functions; ++i)
      if (is_kind((*tuple)[constants + i], Kind::Code)) made->functions[i] = (*tuple)[constants + i];
    made->consts_view = Value(tuple);
  } else {
    for (size_t i = 0; i < constants; ++i) made->constants[i] = code->constants[i];
  }
  return made;
}

Result<Value> code_replace_method(Thread& t, Value v, const CallArgs& args) {
  return code_replace(t, v, args);
}

Result<bool> same_code(Thread& t, CodeObject* a, CodeObject* b) {
  const lang::CodeUnit &x = *a->unit, &y = *b->unit;
  if (x.name != y.name || x.flags != y.flags || x.first_line != y.first_line ||
      x.argument_count != y.argument_count || x.positional_only_count != y.positional_only_count ||
      x.keyword_only_count != y.keyword_only_count || x.qualified_name != y.qualified_name ||
      x.code != y.code || x.names != y.names || x.local_names != y.local_names ||
      x.cell_names != y.cell_names || x.free_names != y.free_names || x.positions != y.positions ||
      x.constants != y.constants)
    return false;
  size_t functions = a->data->functions_of->functions.size();
  if (functions != b->data->functions_of->functions.size()) return false;
  for (size_t i = 0; i < functions; ++i)
    if (!TRY(same_code(t, linked_function(t, a, i), linked_function(t, b, i)))) return false;
  return true;
}

Result<Value> code_compare(Thread& t, Value a, Value b, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_kind(a, Kind::Code) || !is_kind(b, Kind::Code))
    return kNotImplemented;
  bool same = a == b || TRY(same_code(t, self(a), self(b)));
  return Value::from_bool(same == (op == CompareOp::Eq));
}

Result<int64_t> code_hash(Thread&, Value v) {
  const lang::CodeUnit& unit = *self(v)->unit;
  uint64_t h = std::hash<std::string>()(unit.name) ^ (unit.first_line * 1000003u);
  for (uint64_t word : unit.code) h = (h ^ word) * 1099511628211u;
  auto hash = static_cast<int64_t>(h);
  return hash == -1 ? -2 : hash;
}

Result<Value> code_repr(Thread& t, Value v) {
  return make_str(t, fmt::format("<code object {} at {:#x}, file \"{}\", line {}>",
                                 to_utf8(self(v)->name.get().as<StrObject>()), v.bits(),
                                 to_utf8(self(v)->filename.get().as<StrObject>()), self(v)->first_line));
}

Result<Value> code_sizeof(Thread& t, const Value* args) {
  return make_int(t, static_cast<int64_t>(sizeof(CodeObject) + self(args[0])->word_count * 8));
}

Result<Value> code_varname(Thread& t, const Value* args) {
  CodeObject* code = self(args[0]);
  int64_t i = TRY(to_int64(t, args[1]));
  if (i >= 0 && i < code->local_count)
    return (*code->local_names.get().as<TupleObject>())[static_cast<size_t>(i)];
  i -= code->local_count;
  if (i >= 0 && i < code->cell_count)
    return (*code->cell_names.get().as<TupleObject>())[static_cast<size_t>(i)];
  i -= code->cell_count;
  if (i >= 0 && i < code->free_count)
    return (*code->free_names.get().as<TupleObject>())[static_cast<size_t>(i)];
  return t.raise(Exc::IndexError, "tuple index out of range");
}

const NativeDef kMethods[] = {
    MP_METHOD(code_positions, "co_positions(self, /)", nullptr),
    MP_METHOD(code_lines_iterator, "co_lines(self, /)", nullptr),
    MP_RAW_METHOD(code_replace_method, "replace(self, /, **changes)",
                  "Return a copy of the code object with new values for the specified fields."),
    MP_RAW_METHOD(code_replace_method, "__replace__(self, /, **changes)", "The same as replace()."),
    MP_METHOD(code_sizeof, "__sizeof__(self, /)", nullptr),
    MP_METHOD(code_varname, "_varname_from_oparg(self, oparg)", nullptr),
    MP_END};

const GetSetDef kGetSets[] = {{"co_name", get_name, nullptr, nullptr},
                              {"co_qualname", get_qualified_name, nullptr, nullptr},
                              {"co_filename", get_filename, nullptr, nullptr},
                              {"co_firstlineno", get_first_line, nullptr, nullptr},
                              {"co_argcount", get_argument_count, nullptr, nullptr},
                              {"co_posonlyargcount", get_positional_only, nullptr, nullptr},
                              {"co_kwonlyargcount", get_keyword_only, nullptr, nullptr},
                              {"co_nlocals", get_local_count, nullptr, nullptr},
                              {"co_stacksize", get_stack_size, nullptr, nullptr},
                              {"co_flags", get_flags, nullptr, nullptr},
                              {"co_code", get_code, nullptr, nullptr},
                              {"_co_code_adaptive", get_code, nullptr, nullptr},
                              {"co_consts", get_constants, nullptr, nullptr},
                              {"co_names", get_names, nullptr, nullptr},
                              {"co_varnames", get_local_names, nullptr, nullptr},
                              {"co_cellvars", get_cell_names, nullptr, nullptr},
                              {"co_freevars", get_free_names, nullptr, nullptr},
                              {"co_linetable", get_line_table, nullptr, nullptr},
                              {"co_exceptiontable", get_exception_table, nullptr, nullptr},
                              {"co_lnotab", get_lnotab, nullptr, nullptr},
                              {nullptr, nullptr, nullptr, nullptr}};

}  // namespace

extern const TypeSpec kCodeSpec;
const TypeSpec kCodeSpec = {
    .name = "code",
    .kind = Kind::Code,
    .size = sizeof(CodeObject),
    .flags = kTypeHasWeakref | kTypeDisallowNew,
    .doc = "Create a code object.  Not for mere mortals.",
    .trace = trace_code,
    .slots = MP_SLOTS(.repr = code_repr, .hash = code_hash, .compare = code_compare),
    .methods = kMethods,
    .getsets = kGetSets,
};

}  // namespace mp
