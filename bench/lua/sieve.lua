-- The same program as programs/sieve.mp.
local function work(n)
  local flags, count = {}, 0
  for i = 0, n do flags[i] = true end
  for i = 2, n do
    if flags[i] then
      count = count + 1
      local j = i * i
      while j <= n do flags[j] = false; j = j + i end
    end
  end
  return count
end

work(310000)
local start = os.clock()
local result = work(3100000)
print("elapsed", os.clock() - start)
print("checksum", result)
