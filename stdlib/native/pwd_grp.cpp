// The modules pwd and grp: the databases of users and groups, whatever they are kept in (nsswitch.conf).
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <functional>
#include <mutex>

#include "stdlib/native/posix_process.h"

namespace mp {
namespace {

// Where getpwall() and getgrall() stand in the databases is the process's.
std::mutex g_reading_all;

Value text_value(Thread& t, const char* text) {
  return text == nullptr ? kNone : posix::path_value(t, text, false);
}

constexpr const char* kUserFields[] = {"pw_name",  "pw_passwd", "pw_uid",   "pw_gid",
                                       "pw_gecos", "pw_dir",    "pw_shell", nullptr};
const StructSequenceSpec kUserSpec = {
    "pwd.struct_passwd", kUserFields, 7,
    "pwd.struct_passwd: Results from getpw*() routines.\n\nThis object may be accessed either as a tuple of\n"
    "  (pw_name,pw_passwd,pw_uid,pw_gid,pw_gecos,pw_dir,pw_shell)\n"
    "or via the object attributes as named in the above tuple."};
Value user_value(Thread& t, const passwd& user) {
  Value fields[] = {text_value(t, user.pw_name),     text_value(t, user.pw_passwd),
                    posix::id_value(t, user.pw_uid), posix::id_value(t, user.pw_gid),
                    text_value(t, user.pw_gecos),    text_value(t, user.pw_dir),
                    text_value(t, user.pw_shell)};
  return make_struct_sequence(t, struct_sequence_type(t, kUserSpec), fields, 7);
}

constexpr const char* kGroupFields[] = {"gr_name", "gr_passwd", "gr_gid", "gr_mem", nullptr};
const StructSequenceSpec kGroupSpec = {
    "grp.struct_group", kGroupFields, 4,
    "grp.struct_group: Results from getgr*() routines.\n\nThis object may be accessed either as a tuple of\n"
    "  (gr_name,gr_passwd,gr_gid,gr_mem)\nor via the object attributes as named in the above tuple."};
Value group_value(Thread& t, const group& g) {
  ListObject* members = make_list(t);
  for (char** member = g.gr_mem; *member != nullptr; ++member)
    (void)list_append(t, members, text_value(t, *member));
  Value fields[] = {text_value(t, g.gr_name), text_value(t, g.gr_passwd), posix::id_value(t, g.gr_gid),
                    Value(members)};
  return make_struct_sequence(t, struct_sequence_type(t, kGroupSpec), fields, 4);
}

// Calls one of the ..._r functions with a buffer that is long enough, detached. False: there is no such
// entry.
template <class Record>
Result<bool> look_up(Thread& t, std::string& buffer, Record* record,
                     const std::function<int(Record*, char*, size_t, Record**)>& ask) {
  for (buffer.resize(1024);; buffer.resize(buffer.size() * 2)) {
    Record* found = nullptr;
    int error;
    {
      BlockingRegion out(t);
      error = ask(record, buffer.data(), buffer.size(), &found);
    }
    if (error == ERANGE && buffer.size() < (size_t{1} << 26)) continue;
    if (error == EINTR) {
      TRY(t.poll());
      continue;
    }
    if (error == 0 && found != nullptr) return true;
    // "No such entry" comes as one of these, or as none.
    if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM) return false;
    return t.raise_os_error(error);
  }
}
// An id that no entry can have is as good as one that none has.
Result<Value> id_or_not_found(Thread& t, Value v, const char* what, uid_t* out) {
  Result<uid_t> id = posix::id_argument(t, v, what);
  if (id.is_error()) {
    if (t.catch_exception(Exc::OverflowError)) return kNotFound;
    return Error{};
  }
  *out = id.value();
  return kNone;
}
Error id_not_found(Thread& t, const std::string& text, Value id, Value known) {
  return t.raise_value(Exc::KeyError,
                       make_str(t, known.is_not_found() ? text : text + ": " + str_text(t, id)));
}
Result<std::string> name_argument(Thread& t, Value v, const char* function) {
  if (!is_str(v))
    return t.raise(Exc::TypeError, "{}() argument must be str, not {}", function, type_name(t, v));
  return posix::exec_string(t, v);
}

// `ask` is getpwuid_r() or getgrgid_r().
template <class Record>
Result<Value> entry_by_id(Thread& t, Value wanted, const char* kind, const char* function,
                          int (*ask)(uid_t, Record*, char*, size_t, Record**),
                          Value (*value_of)(Thread&, const Record&)) {
  uid_t id = 0;
  Value known = TRY(id_or_not_found(t, wanted, kind, &id));
  std::string buffer;
  Record record;
  if (!known.is_not_found() &&
      TRY(look_up<Record>(t, buffer, &record,
                          [&](Record* r, char* b, size_t n, Record** f) { return ask(id, r, b, n, f); })))
    return value_of(t, record);
  return id_not_found(t, fmt::format("{}(): {} not found", function, kind), wanted, known);
}
// `ask` is getpwnam_r() or getgrnam_r().
template <class Record>
Result<Value> entry_by_name(Thread& t, Value wanted, const char* function,
                            int (*ask)(const char*, Record*, char*, size_t, Record**),
                            Value (*value_of)(Thread&, const Record&)) {
  std::string name = TRY(name_argument(t, wanted, function)), buffer;
  Record record;
  if (TRY(look_up<Record>(t, buffer, &record, [&](Record* r, char* b, size_t n, Record** f) {
        return ask(name.c_str(), r, b, n, f);
      })))
    return value_of(t, record);
  return t.raise_value(Exc::KeyError,
                       make_str(t, fmt::format("{}(): name not found: {}", function, repr_text(t, wanted))));
}

Result<Value> pwd_getpwuid(Thread& t, const Value* args) {
  return entry_by_id<passwd>(t, args[0], "uid", "getpwuid", getpwuid_r, user_value);
}
Result<Value> pwd_getpwnam(Thread& t, const Value* args) {
  return entry_by_name<passwd>(t, args[0], "getpwnam", getpwnam_r, user_value);
}
Result<Value> pwd_getpwall(Thread& t, const Value*) {
  ListObject* all = make_list(t);
  // SAFETY: no safepoint while it is held.
  std::lock_guard<std::mutex> guard(g_reading_all);
  setpwent();
  while (const passwd* user = getpwent()) TRY(list_append(t, all, user_value(t, *user)));
  endpwent();
  return all;
}

Result<Value> grp_getgrgid(Thread& t, const Value* args) {
  return entry_by_id<group>(t, args[0], "gid", "getgrgid", getgrgid_r, group_value);
}
Result<Value> grp_getgrnam(Thread& t, const Value* args) {
  return entry_by_name<group>(t, args[0], "getgrnam", getgrnam_r, group_value);
}
Result<Value> grp_getgrall(Thread& t, const Value*) {
  ListObject* all = make_list(t);
  std::lock_guard<std::mutex> guard(g_reading_all);
  setgrent();
  while (const group* g = getgrent()) TRY(list_append(t, all, group_value(t, *g)));
  endgrent();
  return all;
}

const NativeDef kUserFunctions[] = {
    MP_FUNCTION(
        pwd_getpwuid, "getpwuid(uidobj, /)",
        "Return the password database entry for the given numeric user ID.\n\nSee `help(pwd)` for more "
        "on password database entries."),
    MP_FUNCTION(pwd_getpwnam, "getpwnam(name, /)",
                "Return the password database entry for the given user name.\n\nSee `help(pwd)` for more on "
                "password database entries."),
    MP_FUNCTION(pwd_getpwall, "getpwall()",
                "Return a list of all available password database entries, in arbitrary order."),
    MP_END};
const NativeDef kGroupFunctions[] = {
    MP_FUNCTION(
        grp_getgrgid, "getgrgid(id)",
        "Return the group database entry for the given numeric group ID.\n\nIf id is not valid, raise "
        "KeyError."),
    MP_FUNCTION(grp_getgrnam, "getgrnam(name)",
                "Return the group database entry for the given group name.\n\nIf name is not valid, raise "
                "KeyError."),
    MP_FUNCTION(grp_getgrall, "getgrall()",
                "Return a list of all available group entries, in arbitrary order."),
    MP_END};

Status init_pwd(Thread& t, ModuleObject* module) {
  return module_add(t, module, "struct_passwd", struct_sequence_type(t, kUserSpec));
}
Status init_grp(Thread& t, ModuleObject* module) {
  return module_add(t, module, "struct_group", struct_sequence_type(t, kGroupSpec));
}

}  // namespace

extern const ModuleSpec kPwdModule, kGrpModule;
const ModuleSpec kPwdModule = {
    "pwd",
    "This module provides access to the Unix password database.\nIt is available on "
    "all Unix versions.",
    kUserFunctions, init_pwd};
const ModuleSpec kGrpModule = {"grp", "Access to the Unix group database.", kGroupFunctions, init_grp};

}  // namespace mp
