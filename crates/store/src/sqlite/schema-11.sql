-- The list of what is in force is counted, searched and paged through by the index alone: rows
-- hold the evidence, and are large. (`released_at` is null here, but the planner wants to see it.)
CREATE INDEX restrictions_list ON restrictions (since DESC, reference, entity, organization, cause, released_at)
    WHERE released_at IS NULL;
