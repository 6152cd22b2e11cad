-- For QGIS and its like, where the extension is there: nodes, what they counted in a night, and how they looked, as points.
CREATE OR REPLACE VIEW node_point WITH (security_invoker = true) AS
SELECT node_id, site, node, area_code, crop, heard, ST_SetSRID(ST_MakePoint(longitude_deg, latitude_deg), 4326) AS geom
FROM node WHERE latitude_deg IS NOT NULL;

-- An id is made of its row's key: QGIS asks anew for what it has selected, and rows come in any order.
CREATE OR REPLACE VIEW night_point WITH (security_invoker = true) AS
SELECT hash_record_extended(ROW(node_id, night, camera, unit, taxon_id), 0) AS id, p.site, p.node, p.area_code, night, camera, unit,
       t.label, t.stage, t.eppo, c.count, c.low, c.high, p.geom, e.frames, e.awake_s
FROM node_point p JOIN night_count c USING (node_id) JOIN taxon t USING (taxon_id)
LEFT JOIN night_effort e USING (node_id, night, camera, unit);

-- Nights that saw nothing, too; labels: what the models could tell, null: everything.
CREATE OR REPLACE VIEW effort_point WITH (security_invoker = true) AS
SELECT hash_record_extended(ROW(node_id, night, camera, unit), 0) AS id, p.site, p.node, p.area_code, night, camera, unit,
       e.frames, e.awake_s, v.labels, p.geom
FROM node_point p JOIN night_effort e USING (node_id) LEFT JOIN vocabulary v USING (vocabulary_id);

GRANT SELECT ON node_point, night_point, effort_point TO fieldeye_reader;
