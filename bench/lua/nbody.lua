-- The same program as programs/nbody.mp.
local function advance(bodies, steps, dt)
  for _ = 1, steps do
    for i = 1, #bodies do
      local a = bodies[i]
      for j = i + 1, #bodies do
        local b = bodies[j]
        local dx, dy, dz = a[1] - b[1], a[2] - b[2], a[3] - b[3]
        local mag = dt / ((dx * dx + dy * dy + dz * dz) ^ 1.5)
        local am, bm = a[7] * mag, b[7] * mag
        a[4] = a[4] - dx * bm; a[5] = a[5] - dy * bm; a[6] = a[6] - dz * bm
        b[4] = b[4] + dx * am; b[5] = b[5] + dy * am; b[6] = b[6] + dz * am
      end
    end
    for i = 1, #bodies do
      local b = bodies[i]
      b[1] = b[1] + dt * b[4]; b[2] = b[2] + dt * b[5]; b[3] = b[3] + dt * b[6]
    end
  end
end
local function energy(bodies)
  local e = 0.0
  for i = 1, #bodies do
    local a = bodies[i]
    e = e + 0.5 * a[7] * (a[4] ^ 2 + a[5] ^ 2 + a[6] ^ 2)
    for j = i + 1, #bodies do
      local b = bodies[j]
      e = e - a[7] * b[7] / ((a[1] - b[1]) ^ 2 + (a[2] - b[2]) ^ 2 + (a[3] - b[3]) ^ 2) ^ 0.5
    end
  end
  return e
end
local function work(n)
  local bodies = {{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47}, {4.84, -1.16, -0.10, 0.6, 2.81, -0.02, 0.037}, {8.34, 4.12, -0.4, -1.01, 1.82, 0.008, 0.011},
    {12.89, -15.11, -0.22, 1.08, 0.86, -0.01, 0.0017}, {15.37, -25.9, 0.179, 0.97, 0.59, -0.034, 0.002}}
  advance(bodies, n, 0.01)
  return string.format("%.9g", energy(bodies))
end

work(7300)
local start = os.clock()
local result = work(73000)
print("elapsed", os.clock() - start)
print("checksum", result)
