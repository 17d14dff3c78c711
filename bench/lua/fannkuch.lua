-- The same program as programs/fannkuch.mp.
local function work(n)
  local perm1, count = {}, {}
  for i = 0, n - 1 do perm1[i] = i; count[i] = 0 end
  local max_flips, checksum, r, sign = 0, 0, n, 0
  while true do
    while r > 1 do count[r - 1] = r; r = r - 1 end
    if perm1[0] ~= 0 then
      local perm, flips = {}, 0
      for i = 0, n - 1 do perm[i] = perm1[i] end
      local k = perm[0]
      while k ~= 0 do
        local i, j = 0, k
        while i < j do perm[i], perm[j] = perm[j], perm[i]; i = i + 1; j = j - 1 end
        flips = flips + 1
        k = perm[0]
      end
      if flips > max_flips then max_flips = flips end
      checksum = checksum + (sign == 1 and -flips or flips)
    end
    sign = 1 - sign
    while true do
      if r == n then return checksum * 100 + max_flips end
      local first = perm1[0]
      for i = 0, r - 1 do perm1[i] = perm1[i + 1] end
      perm1[r] = first
      count[r] = count[r] - 1
      if count[r] > 0 then break end
      r = r + 1
    end
  end
end

work(6)
local start = os.clock()
local result = work(9)
print("elapsed", os.clock() - start)
print("checksum", result)
