-- The same program as programs/queens.mp.
local function place(row, n, cols, d1, d2)
  if row == n then return 1 end
  local count = 0
  for c = 0, n - 1 do
    if not cols[c] and not d1[row + c] and not d2[row - c] then
      cols[c] = true; d1[row + c] = true; d2[row - c] = true
      count = count + place(row + 1, n, cols, d1, d2)
      cols[c] = nil; d1[row + c] = nil; d2[row - c] = nil
    end
  end
  return count
end
local function work(n) return place(0, n, {}, {}, {}) end

work(6)
local start = os.clock()
local result = work(11)
print("elapsed", os.clock() - start)
print("checksum", result)
