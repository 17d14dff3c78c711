// _posixshmem: shared memory objects by name, for multiprocessing. What is mapped is the business of mmap.
#include <fcntl.h>
#include <sys/mman.h>

#include "stdlib/native/io.h"
#include "stdlib/native/posix_support.h"

namespace mp {

namespace {

Result<std::string> object_name(Thread& t, Value name, const char* function) {
  if (!is_str(name))
    return t.raise(Exc::TypeError, "{}() argument 'path' must be str, not {}", function, type_name(t, name));
  std::string text = TRY(io::file_system_encode(t, name));
  if (text.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null character");
  return text;
}

Result<Value> shm_open_function(Thread& t, const Value* args) {
  std::string name = TRY(object_name(t, args[0], "shm_open"));
  int flags = TRY(to_c_int(t, args[1])), mode = TRY(to_c_int(t, args[2]));
  int64_t fd = TRY(posix::checked(
      t, [&] { return shm_open(name.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode)); }, args[0]));
  return Value::from_int(fd);
}
Result<Value> shm_unlink_function(Thread& t, const Value* args) {
  std::string name = TRY(object_name(t, args[0], "shm_unlink"));
  TRY(posix::checked(
      t, [&] { return shm_unlink(name.c_str()); }, args[0]));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(shm_open_function, "shm_open(path, flags, mode=511)",
                "Open a shared memory object.  Returns a file descriptor (integer)."),
    MP_FUNCTION(shm_unlink_function, "shm_unlink(path)",
                "Remove a shared memory object (similar to unlink())."),
    MP_END};

}  // namespace

extern const ModuleSpec kPosixshmemModule;
const ModuleSpec kPosixshmemModule = {"_posixshmem", "POSIX shared memory module", kFunctions};

}  // namespace mp
