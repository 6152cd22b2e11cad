-- For QGIS and its like, where the extension is there: nodes and their nights as points. Made anew at each start.
CREATE OR REPLACE VIEW node_point WITH (security_invoker = true) AS
SELECT node_id, site, node, area_code, crop, heard, ST_SetSRID(ST_MakePoint(longitude_deg, latitude_deg), 4326) AS geom
FROM node WHERE latitude_deg IS NOT NULL;

CREATE OR REPLACE VIEW night_point WITH (security_invoker = true) AS
SELECT row_number() OVER () AS id, p.site, p.node, p.area_code, c.night, c.camera, c.unit, t.label, t.stage, t.eppo, c.count,
       c.low, c.high, p.geom
FROM node_point p JOIN night_count c USING (node_id) JOIN taxon t USING (taxon_id);

GRANT SELECT ON node_point, night_point TO fieldeye_reader;
