// StrBuilder: text that grows in native memory, then becomes one str of the narrowest width.
#include <algorithm>

#include "vm/types/str_internal.h"

namespace mp {

StrBuilder::~StrBuilder() {
  if (data_ != inline_) std::free(data_);
}

bool StrBuilder::reserve(size_t extra, uint32_t mask) {
  if (failed_) return false;
  int width = std::max(width_, width_for(mask));
  if (width == width_ && extra <= capacity_ - length_) return true;
  size_t needed = length_ + extra;
  if (needed < length_ || needed > (size_t{1} << 45)) return !(failed_ = true);
  size_t unit = static_cast<size_t>(width);
  size_t bytes = needed * unit;
  if (bytes > byte_capacity_ || width != width_) {
    size_t size =
        std::max(byte_capacity_, bytes <= byte_capacity_ ? bytes : std::max(bytes, byte_capacity_ * 2));
    if (width == width_ && data_ != inline_) {
      auto* grown = static_cast<uint8_t*>(std::realloc(data_, size));
      if (grown == nullptr) return !(failed_ = true);
      data_ = grown;
    } else {
      auto* fresh = static_cast<uint8_t*>(std::malloc(size));
      if (fresh == nullptr) return !(failed_ = true);
      for (size_t i = 0; i < length_; ++i) write_code_point(fresh, width, i, at(i));
      if (data_ != inline_) std::free(data_);
      data_ = fresh;
    }
    byte_capacity_ = size;
    width_ = width;
  }
  capacity_ = byte_capacity_ / unit;
  return true;
}

uint32_t StrBuilder::at(size_t i) const {
  switch (width_) {
    case 1: return data_[i];
    case 2: return reinterpret_cast<const uint16_t*>(data_)[i];
    default: return reinterpret_cast<const uint32_t*>(data_)[i];
  }
}

void StrBuilder::append_slow(uint32_t c) {
  if (!reserve(1, c)) return;
  write_code_point(data_, width_, length_++, c);
  or_mask_ |= c;
}

void StrBuilder::append(const StrObject* s, size_t begin, size_t end) {
  size_t count = end - begin;
  if (count == 0) return;
  uint32_t mask =
      s->is_ascii() ? 0x7f : with_width(s, [&](auto* data) { return or_of(data + begin, count); });
  if (!reserve(count, mask)) return;
  if (s->width() <= width_) {
    copy_code_points(data_ + length_ * static_cast<size_t>(width_), width_, s, begin, count);
  } else {
    for (size_t i = 0; i < count; ++i) write_code_point(data_, width_, length_ + i, s->at(begin + i));
  }
  length_ += count;
  or_mask_ |= mask;
}

void StrBuilder::append_latin1(const uint8_t* data, size_t count) {
  if (count == 0) return;
  uint32_t mask = or_of(data, count);
  if (!reserve(count, mask)) return;
  if (width_ == 1)
    std::memcpy(data_ + length_, data, count);
  else
    for (size_t i = 0; i < count; ++i) write_code_point(data_, width_, length_ + i, data[i]);
  length_ += count;
  or_mask_ |= mask;
}

void StrBuilder::append_ascii(std::string_view ascii) {
  append_latin1(reinterpret_cast<const uint8_t*>(ascii.data()), ascii.size());
}

void StrBuilder::append(std::string_view utf8) {
  auto* p = reinterpret_cast<const uint8_t*>(utf8.data());
  if (all_ascii(p, utf8.size())) return append_latin1(p, utf8.size());
  const uint8_t* end = p + utf8.size();
  while (p < end) append(next_utf8(p, end));
}

void StrBuilder::append_fill(uint32_t c, size_t count) {
  if (count == 0 || !reserve(count, c)) return;
  fill_code_points(data_, width_, length_, count, c);
  length_ += count;
  or_mask_ |= c;
}

StrObject* StrBuilder::finish_str() {
  if (failed_) {
    (void)thread_.raise_memory_error();
    return nullptr;
  }
  if (length_ <= 1) return length_ == 0 ? empty_str(thread_) : make_str_char(thread_, at(0));
  uint32_t mask = or_mask_;
  if (width_ != 1) {  // truncate() may have removed what made it wide
    mask = width_ == 2 ? or_of(reinterpret_cast<const uint16_t*>(data_), length_)
                       : or_of(reinterpret_cast<const uint32_t*>(data_), length_);
  } else if (mask >= 0x80) {
    mask = or_of(data_, length_);
  }
  int width = width_for(mask);
  StrObject* s = allocate_text(thread_, length_, width, mask < 0x80);
  if (s == nullptr) return nullptr;
  if (width == width_)
    std::memcpy(s->data(), data_, length_ * static_cast<size_t>(width));
  else
    for (size_t i = 0; i < length_; ++i) write_code_point(s->data(), width, i, at(i));
  return s;
}

Result<Value> StrBuilder::finish() { return str_or_error(finish_str()); }

}  // namespace mp
