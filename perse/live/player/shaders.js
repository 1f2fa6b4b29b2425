// The four passes: what edits add (EDIT), how triangles have turned (TURN), where each Gaussian is in the picture (SPLAT), and the picture (DRAW).
// Projection and blending are those of the rasterizer: Kerbl et al. 2023 as gsplat has it. Integer targets need no extension.

export const ROW = 512; // texels in a row of every texture

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp sampler2D;
#define ROW ${ROW}
ivec2 cell(int i) { return ivec2(i % ROW, i / ROW); }
`;

// One point for each Gaussian of a part: its changes, times the part's powers, are added up where the Gaussian has its texel. Colours of dyes
// are kept apart, as they go with the hair that other parts take off.
export const EDIT_VERTEX = `${HEAD}
layout(location = 0) in uint row;
layout(location = 1) in vec3 color0;
layout(location = 2) in vec2 other0;
layout(location = 3) in vec3 color1;
layout(location = 4) in vec2 other1;
layout(location = 5) in float hair;
uniform vec3 powers, steps;
uniform vec2 hairs; // whether it dyes; how much of the hair that it may take off it does
uniform float opaque;
uniform vec2 size;
out vec4 plain, second;
out float off;
void main() {
  vec3 color = steps.x * (powers.x * color0 + powers.y * color1);
  vec2 other = steps.yz * (powers.x * other0 + powers.y * other1), end = steps.yz * (other0 + other1);
  color += powers.z * steps.x * (color0 + color1);
  plain = vec4((1.0 - hairs.x) * color, other.x + powers.z * clamp(end.x, -opaque, opaque));
  second = vec4(hairs.x * color, other.y + powers.z * end.y);
  off = hairs.y * hair;
  gl_PointSize = 1.0;
  gl_Position = vec4((vec2(cell(int(row))) + 0.5) / size * 2.0 - 1.0, 0.0, 1.0);
}`;
export const EDIT_FRAGMENT = `${HEAD}
in vec4 plain, second;
in float off;
layout(location = 0) out vec4 paint;
layout(location = 1) out vec4 dye; // and, behind it, growth
layout(location = 2) out float bare;
void main() { paint = plain; dye = second; bare = off; }`;

export const WHOLE_VERTEX = `${HEAD}
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

// Per triangle the quaternion of its rotation from rest, as long as the square root of how much it has grown.
export const TURN_FRAGMENT = `${HEAD}
uniform usampler2D triangles;
uniform sampler2D mesh, frames;
layout(location = 0) out uvec4 turned;
void main() {
  int f = int(gl_FragCoord.y) * ROW + int(gl_FragCoord.x);
  uvec4 corners = texelFetch(triangles, cell(f), 0);
  vec3 a = texelFetch(mesh, cell(int(corners.x)), 0).xyz;
  vec3 edge = texelFetch(mesh, cell(int(corners.y)), 0).xyz - a, side = texelFetch(mesh, cell(int(corners.z)), 0).xyz - a;
  vec3 normal = cross(edge, side);
  float area = max(length(normal), 1e-12);
  vec3 e = edge / max(length(edge), 1e-9), n = normal / area, s = cross(n, e);
  vec4 r0 = texelFetch(frames, cell(2 * f), 0), r1 = texelFetch(frames, cell(2 * f + 1), 0);
  mat3 m = mat3(e, s, n) * transpose(mat3(r0.xyz, cross(r1.xyz, r0.xyz), r1.xyz));
  float growth = clamp(sqrt(0.5 * area) / max(r0.w, 1e-9), 0.35, 2.5);
  float x = m[1][2] - m[2][1], y = m[2][0] - m[0][2], z = m[0][1] - m[1][0];
  float xy = m[0][1] + m[1][0], xz = m[0][2] + m[2][0], yz = m[1][2] + m[2][1];
  vec4 trace = vec4(m[0][0] + m[1][1] + m[2][2], m[0][0] - m[1][1] - m[2][2], m[1][1] - m[0][0] - m[2][2], m[2][2] - m[0][0] - m[1][1]);
  vec4 q;
  if (trace.x >= trace.y && trace.x >= trace.z && trace.x >= trace.w) q = vec4(1.0 + trace.x, x, y, z);
  else if (trace.y >= trace.z && trace.y >= trace.w) q = vec4(x, 1.0 + trace.y, xy, xz);
  else if (trace.z >= trace.w) q = vec4(y, xy, 1.0 + trace.z, yz);
  else q = vec4(z, xz, yz, 1.0 + trace.w);
  turned = floatBitsToUint(normalize(q) * sqrt(growth));
}`;

// edges: landmarks of a lid's edge, and of a lip's.
export const splatFragment = (lid, lip) => `${HEAD}
#define LID ${lid}
#define LIP ${lip}
uniform usampler2D splats, triangles, turned, lids;
uniform sampler2D mesh, paint, dye, bare;
uniform vec4 ranges; // low and step of coordinates on triangles; of logarithms of sizes
uniform float offset_step, coefficient_step, opaque;
uniform int count;
uniform mat4 view;
uniform vec4 lens;
uniform vec2 size;
uniform vec4 throat; // the jaw's opening, the chin's way down, fade, how much darker
uniform float throat_open;
uniform vec3 eye_share[2]; // lid, shut, moved
uniform vec3 eye_frame[6]; // centre, along, up of the right eye, and of the left one
uniform vec2 eye_edges[${4 * lid}];
uniform float eye_fade;
uniform vec3 mouth_frame[3], mouth_most, mouth_gain; // gain: how much lighter teeth are that have come out of the lips' shade
uniform vec2 mouth_edges[${2 * lip}];
uniform vec3 mouth_light; // how much light falls in, the lip's shade, its depth
layout(location = 0) out uvec4 place;
layout(location = 1) out uvec4 look;

float lidHeight(int first, float x) {
  x = clamp(x, eye_edges[first].x, eye_edges[first + LID - 1].x);
  int k = first;
  for (int j = 1; j < LID - 1; j++) if (eye_edges[first + j].x < x) k = first + j;
  vec2 a = eye_edges[k], b = eye_edges[k + 1];
  return a.y + (b.y - a.y) / max(b.x - a.x, 1e-6) * (x - a.x);
}
float lipHeight(float x) {
  x = clamp(x, mouth_edges[0].x, mouth_edges[LIP - 1].x);
  int k = 0;
  for (int j = 1; j < LIP - 1; j++) if (mouth_edges[j].x < x) k = j;
  vec2 a = mouth_edges[k], b = mouth_edges[k + 1];
  return a.y + (b.y - a.y) / max(b.x - a.x, 1e-6) * (x - a.x);
}
vec4 bytes(uint w) { return vec4(uvec4(w, w >> 8, w >> 16, w >> 24) & 255u); }
float low16(uint w) { return float(int(w << 16) >> 16); }
float high16(uint w) { return float(int(w) >> 16); }
vec3 rotated(vec4 q, vec3 v) { return v + 2.0 * cross(q.yzw, cross(q.yzw, v) + q.x * v); }

vec3 recoloured(int kind, vec3 own, vec3 c, vec3 at, uint row) {
  if (kind == 1) {
    float fade = exp(-max(c.x - throat.y * throat.x, 0.0) / throat.z) - exp(-c.x / throat.z);
    return own * (1.0 - throat.w * clamp(throat.x / throat_open, 0.0, 1.0) * max(fade, 0.0) * c.y);
  }
  if (kind < 6) {
    int eye = (kind - 2) / 2;
    vec3 share = eye_share[eye];
    float covered = share.x * c.z, lashes = 1.0;
    if ((kind & 1) == 1) {
      vec3 from = at - eye_frame[3 * eye];
      float x = dot(from, eye_frame[3 * eye + 1]), y = dot(from, eye_frame[3 * eye + 2]);
      float beyond = max(y - lidHeight(2 * LID * eye, x), lidHeight(2 * LID * eye + LID, x) - y);
      covered = max(share.y, share.z * clamp((beyond - c.z) / eye_fade, 0.0, 1.0));
      lashes = share.y;
    }
    if (covered <= 0.0) return own;
    uint packed = texelFetch(lids, cell(int(row)), 0).r;
    ivec2 edited = cell(count + int(row));
    vec3 mixed = max(bytes(packed).rgb / 255.0 + texelFetch(paint, edited, 0).rgb + texelFetch(dye, edited, 0).rgb, 0.0);
    return own + covered * (pow(mixed, vec3(1.0 + lashes * (c.y - 1.0))) * (1.0 + lashes * (c.x - 1.0)) - own);
  }
  vec3 before = own;
  own *= 1.0 + c.y * mouth_gain;
  vec3 from = at - mouth_frame[0];
  float depth = max(dot(from, mouth_frame[2]) - lipHeight(dot(from, mouth_frame[1])), 0.0), light = mouth_light.x;
  float factor = light * (1.0 - mouth_light.y * (1.0 - light) * exp(-depth / mouth_light.z));
  return max(min(own * factor, max(before, mouth_most)), 0.0);
}

void main() {
  place = uvec4(0u);
  look = uvec4(0u);
  int i = int(gl_FragCoord.y) * ROW + int(gl_FragCoord.x);
  if (i >= count) return;
  uvec4 first = texelFetch(splats, cell(2 * i), 0), second = texelFetch(splats, cell(2 * i + 1), 0);
  vec4 paints = bytes(second.x) / 255.0, added = texelFetch(paint, cell(i), 0);
  bool rigid = (second.x >> 24) == 0u;
  float alpha = clamp(min(paints.a, opaque) + added.a, 0.0, opaque);
  if (alpha < 1.0 / 255.0) return;
  int f = int(first.x & 65535u);
  vec4 turn = uintBitsToFloat(texelFetch(turned, cell(f), 0));
  float grown = dot(turn, turn);
  turn *= inversesqrt(grown);
  float k = rigid ? 1.0 : grown;
  vec2 inside = ranges.x + ranges.y * vec2((first.x >> 16) & 255u, first.x >> 24);
  uvec4 corners = texelFetch(triangles, cell(f), 0);
  vec3 on = (1.0 - inside.x - inside.y) * texelFetch(mesh, cell(int(corners.z)), 0).xyz
    + inside.x * texelFetch(mesh, cell(int(corners.x)), 0).xyz + inside.y * texelFetch(mesh, cell(int(corners.y)), 0).xyz;
  vec3 at = on + rotated(turn, offset_step * vec3(low16(first.y), high16(first.y), low16(first.z))) * k;
  vec3 p = (view * vec4(at, 1.0)).xyz;
  if (p.z < 0.01) return;
  vec4 dyed = texelFetch(dye, cell(i), 0); // colour, and growth
  vec3 scale = exp(ranges.z + ranges.w * bytes(second.y).xyz + dyed.a) * k;
  ivec4 q4 = (ivec4(first.w << 24, first.w << 16, first.w << 8, first.w)) >> 24;
  vec4 own = normalize(vec4(q4));
  vec4 q = vec4(turn.x * own.x - dot(turn.yzw, own.yzw), turn.x * own.yzw + own.x * turn.yzw + cross(turn.yzw, own.yzw));
  vec3 a0 = rotated(q, vec3(scale.x, 0.0, 0.0)), a1 = rotated(q, vec3(0.0, scale.y, 0.0)), a2 = rotated(q, vec3(0.0, 0.0, scale.z));
  vec2 ray = p.xy / p.z, extra = 0.15 * size / lens.xy;
  vec2 held = clamp(ray, -lens.zw / lens.xy - extra, (size - lens.zw) / lens.xy + extra);
  vec3 jx = vec3(lens.x, 0.0, -lens.x * held.x) / p.z * mat3(view), jy = vec3(0.0, lens.y, -lens.y * held.y) / p.z * mat3(view);
  vec3 sx = vec3(dot(jx, a0), dot(jx, a1), dot(jx, a2)), sy = vec3(dot(jy, a0), dot(jy, a1), dot(jy, a2));
  float xx = dot(sx, sx) + 0.3, xy = dot(sx, sy), yy = dot(sy, sy) + 0.3, wide = sqrt(xx);
  float hair = clamp(1.0 - texelFetch(bare, cell(i), 0).r, 0.0, 1.0); // what is left of it
  vec3 color = clamp(paints.rgb + added.rgb + hair * dyed.rgb, 0.0, 1.0);
  int kind = int(second.y >> 24);
  if (kind > 0) {
    vec3 c = coefficient_step * vec3(second.z & 65535u, second.z >> 16, second.w & 65535u);
    color = recoloured(kind, color, c, at, second.w >> 16);
  }
  // Any square root of the covariance maps the unit circle to the ellipse: Cholesky's is the cheapest.
  place = floatBitsToUint(vec4(lens.xy * ray + lens.zw, wide, xy / wide));
  uvec3 rgb = uvec3(color * 1023.0 + 0.5);
  look = uvec4(floatBitsToUint(sqrt(max(yy - xy * xy / xx, 0.0))), rgb.r | (rgb.g << 10) | (rgb.b << 20), floatBitsToUint(alpha), 1u);
}`;

export const DRAW_VERTEX = `${HEAD}
uniform usampler2D places, looks, order;
uniform vec2 size;
out vec2 at;
flat out vec4 color;
void main() {
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
  int n = gl_VertexID / 6, corner = gl_VertexID % 6;
  ivec2 where = cell(int(texelFetch(order, cell(n), 0).r));
  uvec4 look = texelFetch(looks, where, 0);
  if (look.w == 0u) return;
  vec4 place = uintBitsToFloat(texelFetch(places, where, 0));
  color = vec4(vec3(uvec3(look.y, look.y >> 10, look.y >> 20) & 1023u) / 1023.0, uintBitsToFloat(look.z));
  float reach = sqrt(2.0 * log(255.0 * color.a) + 1e-3);
  at = reach * vec2(corner == 0 || corner == 2 || corner == 5 ? -1.0 : 1.0, corner == 0 || corner == 1 || corner == 3 ? -1.0 : 1.0);
  vec2 pixel = place.xy + vec2(place.z * at.x, place.w * at.x + uintBitsToFloat(look.x) * at.y);
  gl_Position = vec4(2.0 * pixel.x / size.x - 1.0, 1.0 - 2.0 * pixel.y / size.y, 0.0, 1.0);
}`;
export const DRAW_FRAGMENT = `${HEAD}
in vec2 at;
flat in vec4 color;
out vec4 painted;
void main() {
  float alpha = min(0.999, color.a * exp(-0.5 * dot(at, at)));
  if (alpha < 1.0 / 255.0) discard;
  painted = vec4(color.rgb * alpha, alpha);
}`;
