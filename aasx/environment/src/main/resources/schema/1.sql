-- What is written here for both databases: ${identity}, ${blob} and ${binary} differ, see Database.java.

-- Table store (name, value) is there before: "version" is the number of the last of these scripts that ran.

-- Shells, submodels (without their elements) and concept descriptions.
CREATE TABLE identifiable (
  nr      ${identity},
  kind    TEXT ${binary} NOT NULL,   -- shell, submodel, concept
  name    TEXT ${binary} NOT NULL,   -- the id; a long one shortened, with its hash
  meaning TEXT NOT NULL,             -- the values of the semanticId's keys, one a line
  version BIGINT NOT NULL,           -- grows with every change
  json    TEXT NOT NULL);
CREATE UNIQUE INDEX identifiable_name ON identifiable (kind, name);

-- The elements of submodels: small ones whole, large collections, lists and entities without their elements, which
-- have rows of their own.
CREATE TABLE element (
  nr       ${identity},
  owner    BIGINT NOT NULL,          -- the submodel
  parent   BIGINT NOT NULL,          -- nr of the collection, list or entity; 0: the submodel
  position BIGINT NOT NULL,          -- order among its siblings
  name     TEXT ${binary},           -- the idShort; a long one shortened, with its hash
  holds    TEXT NOT NULL,            -- NOTHING for a whole element, else of what kind the container is
  version  BIGINT NOT NULL,          -- version of the submodel when this, or anything in it, was last changed
  json     TEXT NOT NULL);
CREATE UNIQUE INDEX element_position ON element (owner, parent, position);
CREATE INDEX element_name ON element (owner, parent, name);

-- Attachments and thumbnails, in parts.
CREATE TABLE attachment (
  nr    ${identity},
  owner BIGINT NOT NULL,             -- the submodel or shell
  value TEXT ${binary} NOT NULL);    -- what the File element or the thumbnail has as its value
CREATE UNIQUE INDEX attachment_value ON attachment (value);
CREATE INDEX attachment_owner ON attachment (owner);
CREATE TABLE part (
  attachment BIGINT NOT NULL,
  number     BIGINT NOT NULL,
  content    ${blob} NOT NULL,
  PRIMARY KEY (attachment, number))
