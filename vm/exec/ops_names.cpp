// Slow paths of names: storing, deleting, looking in a mapping first, and what is raised for one that is
// unbound. Loading is in inline_cache.cpp.
#include "vm/exec/cold_ops.h"

namespace mp::ops {

Error name_error(Thread& t, StrObject* name) {
  t.raise(Exc::NameError, "name '{}' is not defined", to_utf8(name));
  if (is_exception(t.current())) t.current().as<ExceptionObject>()->fields[0] = Value(name);
  return {};
}

Error unbound_error(Thread& t, Frame* frame, uint16_t reg) {
  std::string name(frame->code->unit->local_name_at(frame->word(), reg));
  t.raise(Exc::UnboundLocalError, "cannot access local variable '{}' where it is not associated with a value",
          name);
  return {};
}

Error unbound_cell_error(Thread& t, Frame* frame, uint16_t reg) {
  std::string name(frame->code->unit->cell_name_at(frame->word(), reg));
  if (frame->code->unit->is_free(reg))
    t.raise(Exc::NameError,
            "cannot access free variable '{}' where it is not associated with a value in enclosing scope",
            name);
  else
    t.raise(Exc::UnboundLocalError,
            "cannot access local variable '{}' where it is not associated with a value", name);
  if (is_exception(t.current())) t.current().as<ExceptionObject>()->fields[0] = Value(intern(t, name));
  return {};
}

MP_NOINLINE bool store_global(Thread& t, Frame* frame, const Instruction* pc, Value value) {
  return dict_set_str(t, frame->globals, name_of(frame, static_cast<uint32_t>(pc->bc())), value).ok();
}

MP_NOINLINE bool store_name(Thread& t, Frame* frame, const Instruction* pc, Value value) {
  StrObject* name = name_of(frame, static_cast<uint32_t>(pc->bc()));
  Value locals = frame->locals;
  if (locals.is_empty()) {
    t.raise(Exc::SystemError, "no locals found when storing '{}'", to_utf8(name));
    return false;
  }
  if (is_exact(locals, t.types().dict)) return dict_set_str(t, locals.as<DictObject>(), name, value).ok();
  return set_item(t, locals, name, value).ok();
}

namespace cold {

bool DELETE_LOCAL(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  if (r[pc->a].is_empty()) {
    unbound_error(t, frame, pc->a);
    return false;
  }
  r[pc->a] = kEmpty;
  return true;
}

bool DELETE_DEREF(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  auto* cell = r[pc->a].as<CellObject>();
  if (cell->content.get().is_empty()) {
    unbound_cell_error(t, frame, pc->a);
    return false;
  }
  cell->content = kEmpty;
  return true;
}

bool DELETE_GLOBAL(Thread& t, Frame* frame, const Instruction* pc, Value*) {
  StrObject* name = name_of(frame, static_cast<uint32_t>(pc->bc()));
  Result<bool> deleted = dict_delete(t, frame->globals, name);
  if (deleted.is_error()) return false;
  if (!deleted.value()) name_error(t, name);
  return deleted.value();
}

bool DELETE_NAME(Thread& t, Frame* frame, const Instruction* pc, Value*) {
  StrObject* name = name_of(frame, static_cast<uint32_t>(pc->bc()));
  if (is_exact(frame->locals, t.types().dict)) {
    Result<bool> deleted = dict_delete(t, frame->locals.as<DictObject>(), name);
    if (deleted.is_error()) return false;
    if (!deleted.value()) name_error(t, name);
    return deleted.value();
  }
  if (delete_item(t, frame->locals, name).ok()) return true;
  if (t.catch_exception(Exc::KeyError)) name_error(t, name);
  return false;
}

bool LOAD_LOCALS(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  if (frame->locals.is_empty()) {
    t.raise(Exc::SystemError, "no locals");
    return false;
  }
  r[pc->a] = frame->locals;
  return true;
}

// kNotFound when the mapping lacks the name.
static Value from_mapping(Thread& t, Value mapping, StrObject* name) {
  if (is_exact(mapping, t.types().dict)) return dict_get_str(mapping.as<DictObject>(), name);
  Value v = get_item(t, mapping, name).take();
  if (!v.is_error()) return v;
  return t.catch_exception(Exc::KeyError) ? kNotFound : kErrorValue;
}

bool LOAD_FROM_DICT_OR_DEREF(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  std::string name(frame->code->unit->cell_name_at(frame->word(), pc->b));
  Value v = from_mapping(t, r[pc->a], intern(t, name));
  if (v.is_error()) return false;
  if (v.is_not_found()) v = r[pc->b].as<CellObject>()->content;
  if (v.is_empty()) {
    unbound_cell_error(t, frame, pc->b);
    return false;
  }
  r[pc->a] = v;
  return true;
}

bool LOAD_FROM_DICT_OR_GLOBALS(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  StrObject* name = name_of(frame, static_cast<uint32_t>(pc->bc()));
  Value v = from_mapping(t, r[pc->a], name);
  if (v.is_error()) return false;
  if (v.is_not_found()) v = dict_get_str(frame->globals, name);
  if (v.is_not_found()) v = dict_get_str(frame->builtins, name);
  if (v.is_not_found()) {
    name_error(t, name);
    return false;
  }
  r[pc->a] = v;
  return true;
}

}  // namespace cold

}  // namespace mp::ops
