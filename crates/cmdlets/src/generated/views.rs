//! How PowerShell shows objects as a table (about_Format.ps1xml).

use std::fmt::Write;

use super::super::table::{Column, all};

pub(super) fn views() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- Made from integrations/cmdlets.toml by `make cmdlets`. -->\n\
         <Configuration>\n  <ViewDefinitions>\n",
    );
    let mut seen = Vec::new();
    for cmdlet in all().iter().filter(|cmdlet| !cmdlet.view().is_empty()) {
        let Some(name) = cmdlet.type_name().filter(|name| !seen.contains(name)) else { continue };
        let heads: String = cmdlet.view().iter().map(head).collect();
        let items: String = cmdlet.view().iter().map(item).collect();
        let _ = write!(
            text,
            "    <View>\n      <Name>{name}</Name>\n      <ViewSelectedBy><TypeName>{name}</TypeName></ViewSelectedBy>\n      \
             <TableControl>\n        <TableHeaders>\n{heads}        </TableHeaders>\n        <TableRowEntries>\n          \
             <TableRowEntry>\n            <Wrap />\n            <TableColumnItems>\n{items}            </TableColumnItems>\n          \
             </TableRowEntry>\n        </TableRowEntries>\n      </TableControl>\n    </View>\n"
        );
        seen.push(name);
    }
    text + "  </ViewDefinitions>\n</Configuration>\n"
}

fn alignment(column: &Column) -> &'static str {
    if column.right { "<Alignment>Right</Alignment>" } else { "" }
}

fn head(column: &Column) -> String {
    let Column { label, width, .. } = column;
    format!(
        "          <TableColumnHeader><Label>{label}</Label><Width>{width}</Width>{}</TableColumnHeader>\n",
        alignment(column)
    )
}

fn item(column: &Column) -> String {
    let property = &column.property;
    let shown = match (&column.key, column.time) {
        (Some(key), _) => {
            format!("<ScriptBlock>if ($_.{property} -match '(?:^|;){key}=([^;]*)') {{ $Matches[1] }}</ScriptBlock>")
        }
        (None, true) => format!(
            "<ScriptBlock>if ($_.{property}) {{ $_.{property}.ToUniversalTime().ToString('yyyy-MM-dd HH:mm', \
             [cultureinfo]::InvariantCulture) + 'Z' }}</ScriptBlock>"
        ),
        (None, false) => format!("<PropertyName>{property}</PropertyName>"),
    };
    format!("              <TableColumnItem>{}{shown}</TableColumnItem>\n", alignment(column))
}
