//! stub
use super::rows::*;
use crate::Result;
/// stub
pub struct Finding;
/// stub
pub fn check_case(_: &CaseRow) -> Result<Vec<Finding>> {
    Ok(vec![])
}
/// stub
pub fn check_video(_: &VideoRow) -> Result<Vec<Finding>> {
    Ok(vec![])
}
/// stub
pub fn check_frame(_: &FrameRow) -> Result<Vec<Finding>> {
    Ok(vec![])
}
/// stub
pub fn check_annotation(_: &AnnotationRow) -> Result<Vec<Finding>> {
    Ok(vec![])
}
/// stub
pub fn check_conversation(_: &ConversationRow) -> Result<Vec<Finding>> {
    Ok(vec![])
}
