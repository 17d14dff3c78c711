// The modules pwd and grp: the databases of users and groups, whatever they are kept in (nsswitch.conf).
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <mutex>

#include "stdlib/native/posix_process.h"
#include "vm/os/memory.h"

namespace mp {
namespace {

// Where getpwall() and getgrall() stand in the databases is the process's. Held detached only: the holder
// waits for nobody. A fork() waits for the reader, or the child would find this one and the C library's
// locked.
std::mutex g_reading_all;
const int g_fork_waits = pthread_atfork([] { g_reading_all.lock(); }, [] { g_reading_all.unlock(); },
                                        [] { g_reading_all.unlock(); });

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

// All entries as text, one after the other, so that they can be read detached: numbers as they are, text as
// '+' and the text, or '-' for none. False: no memory.
bool pack(std::string& out, const char* text) {
  size_t length = text == nullptr ? 0 : std::strlen(text);
  if (!os::make_room(out, length + 2)) return false;
  out += text == nullptr ? '-' : '+';
  out.append(text == nullptr ? "" : text, length + 1);
  return true;
}
bool pack(std::string& out, uid_t id) {
  if (!os::make_room(out, sizeof id)) return false;
  out.append(reinterpret_cast<const char*>(&id), sizeof id);
  return true;
}
char* unpack_text(char*& at) {
  char* text = *at == '-' ? nullptr : at + 1;
  at += 1 + std::strlen(at + 1) + 1;
  return text;
}
uid_t unpack_id(char*& at) {
  uid_t id;
  std::memcpy(&id, at, sizeof id);
  at += sizeof id;
  return id;
}
bool pack_user(std::string& out, const passwd& user) {
  return pack(out, user.pw_name) && pack(out, user.pw_passwd) && pack(out, user.pw_uid) &&
         pack(out, user.pw_gid) && pack(out, user.pw_gecos) && pack(out, user.pw_dir) &&
         pack(out, user.pw_shell);
}
Result<Value> unpack_user(Thread& t, char*& at) {
  passwd user{};
  user.pw_name = unpack_text(at);
  user.pw_passwd = unpack_text(at);
  user.pw_uid = unpack_id(at);
  user.pw_gid = unpack_id(at);
  user.pw_gecos = unpack_text(at);
  user.pw_dir = unpack_text(at);
  user.pw_shell = unpack_text(at);
  return user_value(t, user);
}
bool pack_group(std::string& out, const group& g) {
  if (!pack(out, g.gr_name) || !pack(out, g.gr_passwd) || !pack(out, g.gr_gid)) return false;
  for (char** member = g.gr_mem; *member != nullptr; ++member)
    if (!pack(out, *member)) return false;
  return pack(out, nullptr);
}
Result<Value> unpack_group(Thread& t, char*& at) {
  group g{};
  g.gr_name = unpack_text(at);
  g.gr_passwd = unpack_text(at);
  g.gr_gid = unpack_id(at);
  std::vector<char*> members;
  do {
    if (!os::make_room(members, 1)) return t.raise_memory_error();
    members.push_back(unpack_text(at));
  } while (members.back() != nullptr);
  g.gr_mem = members.data();
  return group_value(t, g);
}
// `start`, `next` and `end` are setpwent() and so on.
template <class Record>
Result<Value> all_entries(Thread& t, void (*start)(), Record* (*next)(), void (*end)(),
                          bool (*pack_entry)(std::string&, const Record&),
                          Result<Value> (*unpack_entry)(Thread&, char*&)) {
  std::string packed;
  bool room = true;
  {
    BlockingRegion out(t);
    std::lock_guard<std::mutex> guard(g_reading_all);
    start();
    while (const Record* record = room ? next() : nullptr) room = pack_entry(packed, *record);
    end();
  }
  if (!room) return t.raise_memory_error();
  ListObject* all = make_list(t);
  for (char* at = packed.data(); at != packed.data() + packed.size();)
    TRY(list_append(t, all, TRY(unpack_entry(t, at))));
  return all;
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
  return all_entries<passwd>(t, setpwent, getpwent, endpwent, pack_user, unpack_user);
}

Result<Value> grp_getgrgid(Thread& t, const Value* args) {
  return entry_by_id<group>(t, args[0], "gid", "getgrgid", getgrgid_r, group_value);
}
Result<Value> grp_getgrnam(Thread& t, const Value* args) {
  return entry_by_name<group>(t, args[0], "getgrnam", getgrnam_r, group_value);
}
Result<Value> grp_getgrall(Thread& t, const Value*) {
  return all_entries<group>(t, setgrent, getgrent, endgrent, pack_group, unpack_group);
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
