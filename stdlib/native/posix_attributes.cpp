// posix: what a file has besides its data: extended attributes, devices, owners of links, another root.
#include <fcntl.h>
#include <langinfo.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "stdlib/native/posix_process.h"

namespace mp::posix {
namespace {

Result<Value> os_getxattr(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "getxattr", true));
  Path name = TRY(path_argument(t, args[1], "getxattr", false, "attribute"));
  bool follow = TRY(truth(t, args[2]));
  for (size_t size = 128;; size = XATTR_SIZE_MAX) {
    std::string value(size, '\0');
    int error = 0;
    int64_t got = TRY(retry(
        t,
        [&] {
          if (path.is_fd()) return fgetxattr(path.fd, name.text.c_str(), value.data(), size);
          return follow ? getxattr(path.text.c_str(), name.text.c_str(), value.data(), size)
                        : lgetxattr(path.text.c_str(), name.text.c_str(), value.data(), size);
        },
        &error));
    if (got >= 0) return make_bytes(t, std::string_view(value).substr(0, static_cast<size_t>(got)));
    if (error != ERANGE || size == XATTR_SIZE_MAX) return t.raise_os_error(error, path.original);
  }
}
Result<Value> os_setxattr(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "setxattr", true));
  Path name = TRY(path_argument(t, args[1], "setxattr", false, "attribute"));
  std::string value(TRY(bytes_view(t, args[2])));
  int flags = TRY(to_c_int(t, args[3]));
  bool follow = TRY(truth(t, args[4]));
  TRY(checked(
      t,
      [&] {
        const char* key = name.text.c_str();
        if (path.is_fd()) return fsetxattr(path.fd, key, value.data(), value.size(), flags);
        return follow ? setxattr(path.text.c_str(), key, value.data(), value.size(), flags)
                      : lsetxattr(path.text.c_str(), key, value.data(), value.size(), flags);
      },
      path.original));
  return kNone;
}
Result<Value> os_removexattr(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "removexattr", true));
  Path name = TRY(path_argument(t, args[1], "removexattr", false, "attribute"));
  bool follow = TRY(truth(t, args[2]));
  TRY(checked(
      t,
      [&] {
        if (path.is_fd()) return fremovexattr(path.fd, name.text.c_str());
        return follow ? removexattr(path.text.c_str(), name.text.c_str())
                      : lremovexattr(path.text.c_str(), name.text.c_str());
      },
      path.original));
  return kNone;
}
Result<Value> os_listxattr(Thread& t, const Value* args) {
  Path path;
  path.text = ".";
  if (!args[0].is_none()) path = TRY(path_argument(t, args[0], "listxattr", true, "path", true));
  bool follow = TRY(truth(t, args[1]));
  std::string names(XATTR_LIST_MAX, '\0');
  int64_t size = TRY(checked(
      t,
      [&] {
        if (path.is_fd()) return flistxattr(path.fd, names.data(), names.size());
        return follow ? listxattr(path.text.c_str(), names.data(), names.size())
                      : llistxattr(path.text.c_str(), names.data(), names.size());
      },
      path.original));
  ListObject* list = make_list(t);
  for (size_t at = 0; at < static_cast<size_t>(size);) {
    std::string name = names.c_str() + at;
    at += name.size() + 1;
    TRY(list_append(t, list, path_value(t, name, false)));
  }
  return list;
}

Result<Value> os_mknod(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "mknod"));
  int mode = TRY(to_c_int(t, args[1]));
  auto device = static_cast<dev_t>(TRY(to_int64(t, args[2])));
  int directory = TRY(dir_fd_argument(t, args[3]));
  TRY(checked(
      t, [&] { return mknodat(directory, path.text.c_str(), static_cast<mode_t>(mode), device); },
      path.original));
  return kNone;
}
// A device number is unsigned. As in CPython -1 stands for "none" and passes.
Result<uint64_t> device_argument(Thread& t, Value v) {
  int64_t number = TRY(to_int64(t, v));
  if (number < -1) return t.raise(Exc::OverflowError, "can't convert negative int to unsigned");
  return static_cast<uint64_t>(number);
}
Result<Value> os_major(Thread& t, const Value* args) {
  uint64_t device = TRY(device_argument(t, args[0]));
  return device == UINT64_MAX ? Value::from_int(-1) : make_int(t, major(device));
}
Result<Value> os_minor(Thread& t, const Value* args) {
  uint64_t device = TRY(device_argument(t, args[0]));
  return device == UINT64_MAX ? Value::from_int(-1) : make_int(t, minor(device));
}
Result<Value> os_makedev(Thread& t, const Value* args) {
  unsigned parts[2];
  for (int i = 0; i < 2; ++i) {
    int64_t part = TRY(to_int64(t, args[i]));
    if (part < -1) return t.raise(Exc::OverflowError, "can't convert negative int to unsigned");
    if (part > UINT32_MAX)
      return t.raise(Exc::OverflowError, "Python int too large to convert to C unsigned int");
    parts[i] = static_cast<unsigned>(part);
  }
  dev_t device = makedev(parts[0], parts[1]);
  return device == static_cast<dev_t>(-1) ? make_int(t, -1) : make_int_unsigned(t, device);  // os.NODEV
}

Result<Value> os_lchown(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "lchown"));
  uid_t user = TRY(id_argument(t, args[1], "uid"));
  gid_t group = TRY(id_argument(t, args[2], "gid"));
  TRY(checked(
      t, [&] { return lchown(path.text.c_str(), user, group); }, path.original));
  return kNone;
}
Result<Value> os_chroot(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "chroot"));
  TRY(checked(
      t, [&] { return chroot(path.text.c_str()); }, path.original));
  return kNone;
}
Result<Value> os_device_encoding(Thread& t, const Value* args) {
  if (isatty(TRY(to_c_int(t, args[0]))) != 1) return kNone;
  return make_str(t, "utf-8");
}
}  // namespace

const NativeDef kAttributeFunctions[] = {
    MP_FUNCTION(os_getxattr, "getxattr(path, attribute, *, follow_symlinks=True)",
                "Return the value of extended attribute attribute on path."),
    MP_FUNCTION(os_setxattr, "setxattr(path, attribute, value, flags=0, *, follow_symlinks=True)",
                "Set extended attribute attribute on path to value."),
    MP_FUNCTION(os_removexattr, "removexattr(path, attribute, *, follow_symlinks=True)",
                "Remove extended attribute attribute on path."),
    MP_FUNCTION(os_listxattr, "listxattr(path=None, *, follow_symlinks=True)",
                "Return a list of extended attributes on path."),
    MP_FUNCTION(os_mknod, "mknod(path, mode=384, device=0, *, dir_fd=None)",
                "Create a node in the file system."),
    MP_FUNCTION(os_major, "major(device, /)", "Extracts a device major number from a raw device number."),
    MP_FUNCTION(os_minor, "minor(device, /)", "Extracts a device minor number from a raw device number."),
    MP_FUNCTION(os_makedev, "makedev(major, minor, /)",
                "Composes a raw device number from the major and minor device numbers."),
    MP_FUNCTION(os_lchown, "lchown(path, uid, gid)",
                "Change the owner and group id of path to the numeric uid and gid.\n\nThis function will not "
                "follow symbolic links."),
    MP_FUNCTION(os_chroot, "chroot(path)", "Change root directory to path."),
    MP_FUNCTION(os_device_encoding, "device_encoding(fd)",
                "Return a string describing the encoding of a terminal's file descriptor."),
    MP_END};

}  // namespace mp::posix
